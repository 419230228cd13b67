import { StoreError } from '../errors/index.ts'
import { statusText } from './result-status.ts'

/** A batch failed as a whole, and the client or the server said how. */
export class BatchError extends StoreError {
  override readonly name = 'BatchError'
  /** Aerospike result code; negative codes are the client's own. */
  readonly status: number
  /** Rows may have been applied all the same. */
  readonly inDoubt: boolean

  constructor(message: string, status: number, inDoubt: boolean) {
    const doubt = inDoubt ? '; rows may have been applied' : ''
    super('STORAGE_ERROR', `the batch failed: ${message}, ${statusText(status)}${doubt}`)
    this.status = status
    this.inDoubt = inDoubt
  }
}
