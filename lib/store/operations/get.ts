import type { BatchHandler } from '../../batching/index.ts'
import { txidToHex } from '../../bitcoin/index.ts'
import { StoreError } from '../../errors/index.ts'
import {
  binsForFields,
  decodeMetadata,
  type Field,
  masterKey,
  type TransactionMetadata,
} from '../../record/index.ts'
import { RESULT_CODES, type RowAnswer } from '../../transport/index.ts'
import { dispatchRows } from '../dispatch-rows.ts'
import type { StoreContext } from '../store-context.ts'
import { rowError } from '../store-errors.ts'

export interface GetRequest {
  readonly txid: Uint8Array
  readonly fields: readonly Field[]
}

/**
 * Reads a batch of transactions with exactly one batch call: the client retries within its total time, and a
 * loop around it would multiply its timeouts (semantics 3.1, incident S2).
 */
export function getHandler(context: StoreContext): BatchHandler<GetRequest, TransactionMetadata> {
  return items => {
    const bins = binsForFields(unionOf(items.map(item => item.request.fields)))
    return dispatchRows(context, items, {
      toRow: ({ txid }) => ({ kind: 'read', key: { set: context.set, userKey: masterKey(txid) }, bins }),
      describe: ({ txid }) => `reading ${txidToHex(txid)}`,
      settle: (item, answer) => item.succeed(decodeAnswer(item.request, answer)),
    })
  }
}

/** Decodes one record; throws `TX_NOT_FOUND` for a missing one and `STORAGE_ERROR` for a damaged one. */
export function decodeAnswer({ txid, fields }: GetRequest, answer: RowAnswer): TransactionMetadata {
  if (answer.status === RESULT_CODES.NOT_FOUND)
    throw new StoreError('TX_NOT_FOUND', `transaction ${txidToHex(txid)} is not in the store`)
  if (answer.status !== 0) throw rowError(`reading ${txidToHex(txid)}`, answer.status, false)
  return decodeMetadata(answer.bins ?? {}, fields)
}

/** Callers mostly ask for the same list; only different ones cost anything. */
function unionOf(lists: readonly (readonly Field[])[]): Field[] {
  return [...new Set([...new Set(lists)].flat())]
}
