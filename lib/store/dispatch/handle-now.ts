import { Batcher, type BatchHandler, type Outcome } from '../../batching/index.ts'
import type { StoreContext } from '../context/store-context.ts'

/**
 * Runs requests through the handler of a batcher at once, apart from that batcher: work that has begun and must
 * be brought to its end (conflict processing, a rollback) goes on while the store closes its batchers, and
 * waits for no company. Every request is answered once and within the store's wait, as in a batcher.
 */
export async function handleNow<Request, Answer>(
  context: StoreContext,
  name: string,
  handler: BatchHandler<Request, Answer>,
  requests: readonly Request[],
): Promise<Outcome<Answer>[]> {
  if (requests.length === 0) return []
  const { maxMinedBatchSize, maxMinedRoutines } = context.settings
  const batcher = new Batcher<Request, Answer>(
    {
      name,
      size: maxMinedBatchSize,
      lingerMs: 0,
      concurrency: maxMinedRoutines,
      queueItemsMax: requests.length,
      whenFull: 'refuse',
      waitMs: context.waitMs,
    },
    handler,
  )
  try {
    return await batcher.submitGroup(requests)
  } finally {
    await batcher.close()
  }
}
