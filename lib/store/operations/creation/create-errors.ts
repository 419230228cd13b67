import { txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { RESULT_CODES, statusText } from '../../../transport/index.ts'
import { rowError } from '../../store-errors.ts'

/** The server takes no record of that size; with its body in the external store it may fit. */
export class RecordTooBigError extends StoreError {
  override readonly name = 'RecordTooBigError'

  constructor(txid: Uint8Array) {
    const text = `transaction ${txidToHex(txid)} is too large for one record: ${statusText(RESULT_CODES.RECORD_TOO_BIG)}; set a smaller utxoBatchSize`
    super('PROCESSING', text)
  }
}

export function existsError(txid: Uint8Array): StoreError {
  return new StoreError('TX_EXISTS', `transaction ${txidToHex(txid)} exists already`)
}

/** Why a record could not be created. */
export function createError(txid: Uint8Array, status: number, inDoubt: boolean): StoreError {
  switch (status) {
    case RESULT_CODES.RECORD_EXISTS:
      return existsError(txid)
    case RESULT_CODES.RECORD_TOO_BIG:
      return new RecordTooBigError(txid)
    default:
      return rowError(`creating ${txidToHex(txid)}`, status, inDoubt)
  }
}
