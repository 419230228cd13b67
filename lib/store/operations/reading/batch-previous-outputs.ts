import type { Batcher } from '../../../batching/index.ts'
import { extendTransaction, type Transaction, type TransactionOutput } from '../../../bitcoin/index.ts'
import type { StoreError } from '../../../errors/index.ts'
import { checkTransaction, type TransactionSource } from '../../arguments.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { forChunks } from '../../dispatch/map-chunks.ts'
import type { OnProgress } from '../../dispatch/progress.ts'
import { queueShare } from '../../dispatch/queue-share.ts'
import { asStoreError } from '../../store-errors.ts'
import type { OutpointRequest, PreviousOutputs } from './previous-outputs.ts'

export interface TransactionWithPreviousOutputs {
  /** Carries what its inputs spend; null where `error` says why not. */
  readonly tx: Transaction | null
  readonly error: StoreError | null
}

/** Looks up what many transactions spend; one that is malformed or has no such parent fails alone (semantics 3.18). */
export async function batchPreviousOutputs(
  context: StoreContext,
  batcher: Batcher<OutpointRequest, PreviousOutputs>,
  txs: readonly TransactionSource[],
  { signal, onProgress }: { signal: AbortSignal | undefined; onProgress?: OnProgress | undefined },
): Promise<TransactionWithPreviousOutputs[]> {
  const results: TransactionWithPreviousOutputs[] = new Array(txs.length)
  const settle = (index: number, work: () => Transaction): void => {
    try {
      results[index] = { tx: work(), error: null }
    } catch (error) {
      fail(index, error)
    }
  }
  const fail = (index: number, error: unknown): void => {
    const failure = asStoreError(error, 'decorating a transaction', { code: 'PROCESSING' })
    results[index] = { tx: null, error: failure }
  }
  await forChunks(txs, { ...queueShare(context, batcher), signal, onProgress }, async (chunk, start) => {
    const lacking: { index: number; tx: Transaction }[] = []
    // Parsed when their turn comes: a million transactions in bytes take less room than as objects.
    for (const [offset, source] of chunk.entries()) {
      const index = start + offset
      settle(index, () => {
        const tx = checkTransaction(source)
        if (lacksPreviousOutputs(tx)) lacking.push({ index, tx })
        return tx
      })
    }
    const outcomes = await batcher.submitGroup(
      lacking.map(({ tx }) => ({ tx })),
      { signal },
    )
    const bodies: Promise<void>[] = []
    for (const [position, { index, tx }] of lacking.entries()) {
      const outcome = outcomes[position]
      const outputs = outcome?.status === 'fulfilled' ? outcome.value : undefined
      if (outputs instanceof Promise) {
        const extend = (found: TransactionOutput[]): void => settle(index, () => extendTransaction(tx, found))
        bodies.push(outputs.then(extend, error => fail(index, error)))
      } else
        settle(index, () => {
          if (outputs === undefined) throw outcome?.status === 'rejected' ? outcome.reason : undefined
          return extendTransaction(tx, outputs)
        })
    }
    await Promise.all(bodies)
  })
  return results
}

export function lacksPreviousOutputs(tx: Transaction): boolean {
  return !tx.isExtended && !tx.isCoinbase
}
