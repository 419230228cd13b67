import { StoreError } from '../errors/index.ts'
import type { StoreContext } from './store-context.ts'

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
  const lane = async (): Promise<void> => {
    while (next < chunks) {
      if (signal?.aborted) {
        throw new StoreError('CONTEXT_CANCELED', "the caller's signal ended the call", {
          cause: signal.reason,
        })
      }
      const index = next++
      results[index] = await work(items.slice(index * size, (index + 1) * size))
    }
  }
  await Promise.all(Array.from({ length: Math.min(lanes, chunks) }, lane))
  return results.flat()
}
