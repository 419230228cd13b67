import type { BatchHandler } from '../../../batching/index.ts'
import { txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import type { RecordBins } from '../../../record/index.ts'
import { RESULT_CODES, statusText, type WriteRow } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { dispatchRows } from '../../dispatch/dispatch-rows.ts'
import { rowError } from '../../store-errors.ts'

/** A transaction that is one record. */
export interface CreateRequest {
  readonly txid: Uint8Array
  readonly row: WriteRow
}

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

/** Creates a record; never changes one that is there. */
export function createRow(context: StoreContext, userKey: Uint8Array, bins: RecordBins): WriteRow {
  return {
    kind: 'write',
    key: { set: context.set, userKey },
    operations: bins,
    exists: 'create-only',
  }
}

/** Writes a batch of new records, each create-only: an existing record is never overwritten. */
export function createHandler(context: StoreContext): BatchHandler<CreateRequest, void> {
  return items =>
    dispatchRows(context, items, {
      toRow: request => request.row,
      describe: request => `creating ${txidToHex(request.txid)}`,
      settle: (item, { status, inDoubt }) => {
        const { txid } = item.request
        if (status === RESULT_CODES.OK) item.succeed()
        else item.fail(createError(txid, status, inDoubt))
      },
    })
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
