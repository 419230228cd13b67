import { txidToHex } from '../../../bitcoin/index.ts'
import type { StoreError } from '../../../errors/index.ts'
import { binsForFields, type Field, masterKey, type TransactionMetadata } from '../../../record/index.ts'
import type { RowAnswer } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { mapChunks, type Sliceable } from '../../dispatch/map-chunks.ts'
import type { OnProgress } from '../../dispatch/progress.ts'
import { asStoreError, missingAnswerError } from '../../store-errors.ts'
import { isPlaceholderTxid } from '../../txids.ts'
import { completeRecord } from './complete-record.ts'
import { decodeAnswer, type GetRequest } from './get.ts'

export interface DecoratedTransaction {
  readonly txid: Uint8Array
  /** Null where `error` says why, and for the coinbase placeholder. */
  readonly data: TransactionMetadata | null
  readonly error: StoreError | null
}

/**
 * Reads many transactions in few batches. The answer has one entry for each txid, in order, and each entry
 * has its own error: a malformed or missing record fails alone.
 */
export async function batchDecorate(
  context: StoreContext,
  txids: Sliceable<Uint8Array>,
  fields: readonly Field[],
  signal: AbortSignal | undefined,
  onProgress?: OnProgress,
): Promise<DecoratedTransaction[]> {
  const bins = binsForFields(fields)
  const work = async (chunk: readonly Uint8Array[]): Promise<DecoratedTransaction[]> => {
    try {
      const answers = await context.operate(
        chunk.map(txid => ({ kind: 'read', key: { set: context.set, userKey: masterKey(txid) }, bins })),
        { signal },
      )
      return await Promise.all(
        chunk.map((txid, index) => decorated(context, { txid, fields }, answers[index], signal)),
      )
    } catch (error) {
      const failure = asStoreError(error, 'the batch failed', { code: 'STORAGE_ERROR' })
      if (failure.code === 'CONTEXT_CANCELED') throw failure
      return chunk.map(txid => ({ txid, data: null, error: failure }))
    }
  }
  return mapChunks(context, txids, signal, work, onProgress)
}

async function decorated(
  context: StoreContext,
  request: GetRequest,
  answer: RowAnswer | undefined,
  signal: AbortSignal | undefined,
): Promise<DecoratedTransaction> {
  const { txid, fields } = request
  const what = `reading ${txidToHex(txid)}`
  try {
    // The coinbase in subtrees; its absence is no error (semantics 3.2).
    if (isPlaceholderTxid(txid)) return { txid, data: null, error: null }
    if (answer === undefined) throw missingAnswerError(what)
    return {
      txid,
      data: await completeRecord(context, txid, decodeAnswer(request, answer), fields, signal),
      error: null,
    }
  } catch (error) {
    return { txid, data: null, error: asStoreError(error, what, { code: 'STORAGE_ERROR' }) }
  }
}
