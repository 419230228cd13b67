import { StoreError } from '../../errors/index.ts'
import type { StoreContext } from '../context/store-context.ts'

/**
 * Splits a list of any length into batches, keeps a bounded number of them in flight, and returns the results
 * in the order of the list. One batch of 2.87 million rows once stalled a node (semantics 3.7).
 */
export async function mapChunks<Item, Result>(
  context: StoreContext,
  items: readonly Item[],
  signal: AbortSignal | undefined,
  work: (chunk: readonly Item[]) => Promise<readonly Result[]>,
): Promise<Result[]> {
  const { maxMinedBatchSize: size, maxMinedRoutines: lanes } = context.settings
  const chunks = Math.ceil(items.length / size)
  const results: (readonly Result[])[] = new Array(chunks)
  let next = 0
  let failed = false
  const lane = async (): Promise<void> => {
    while (next < chunks && !failed) {
      const index = next++
      try {
        if (signal?.aborted) {
          throw new StoreError('CONTEXT_CANCELED', "the caller's signal ended the call", {
            cause: signal.reason,
          })
        }
        results[index] = await work(items.slice(index * size, (index + 1) * size))
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  // All lanes end before the call does: nothing goes on behind the back of close.
  const ended = await Promise.allSettled(Array.from({ length: Math.min(lanes, chunks) }, lane))
  for (const end of ended) if (end.status === 'rejected') throw end.reason
  return results.flat()
}
