import { StoreError, type StoreErrorOptions } from '../errors/index.ts'

/**
 * Bytes that do not follow Aerospike's wire protocol, from whichever side they came. A server answers it
 * with a result code or closes the connection (protocol 1.4); a client gives the connection up, because
 * what follows on it cannot be told from the middle of a frame.
 */
export class ProtocolError extends StoreError {
  override readonly name = 'ProtocolError'

  constructor(message: string, options: StoreErrorOptions = {}) {
    super('STORAGE_ERROR', message, options)
  }
}
