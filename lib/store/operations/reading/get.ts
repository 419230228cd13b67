import type { BatchHandler, BatchItem } from '../../../batching/index.ts'
import { txidToHex } from '../../../bitcoin/index.ts'
import {
  binsForFields,
  decodeMetadata,
  type Field,
  masterKey,
  type TransactionMetadata,
} from '../../../record/index.ts'
import { RESULT_CODES, type RowAnswer } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { dispatchRows } from '../../dispatch/dispatch-rows.ts'
import { asStoreError, RecordNotFoundError, rowError } from '../../store-errors.ts'

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
    const { readable, fields } = unionOf(items)
    const bins = binsForFields(fields)
    return dispatchRows(context, readable, {
      toRow: ({ txid }) => ({ kind: 'read', key: { set: context.set, userKey: masterKey(txid) }, bins }),
      describe: ({ txid }) => `reading ${txidToHex(txid)}`,
      settle: (item, answer) => item.succeed(decodeAnswer(item.request, answer)),
    })
  }
}

/** Decodes one record; throws `TX_NOT_FOUND` for a missing one and `STORAGE_ERROR` for a damaged one. */
export function decodeAnswer({ txid, fields }: GetRequest, answer: RowAnswer): TransactionMetadata {
  if (answer.status === RESULT_CODES.NOT_FOUND) throw new RecordNotFoundError(txid)
  if (answer.status !== 0) throw rowError(`reading ${txidToHex(txid)}`, answer.status, false)
  return decodeMetadata(answer.bins ?? {}, fields)
}

type GetItem = BatchItem<GetRequest, TransactionMetadata>

/** The fields of all items; callers mostly ask for the same list, and only different ones cost anything. */
function unionOf(items: readonly GetItem[]): { readable: GetItem[]; fields: Field[] } {
  const lists = new Set<readonly Field[]>()
  const readable = items.filter(item => {
    try {
      lists.add(item.request.fields)
      return true
    } catch (error) {
      item.fail(asStoreError(error, 'reading a transaction', { code: 'PROCESSING' }))
      return false
    }
  })
  return { readable, fields: [...new Set([...lists].flat())] }
}
