import type { Batcher } from '../../batching/index.ts'
import type { StoreContext } from '../context/store-context.ts'
import type { ChunkOptions } from './map-chunks.ts'

/** The share of a batcher's queue that one call may fill: callers beside it must find room. */
const QUEUE_SHARE = 1 / 4

/** How much of a long list to put into a batcher at a time. */
export function queueShare<Request, Answer>(
  { settings }: StoreContext,
  batcher: Batcher<Request, Answer>,
): Pick<ChunkOptions, 'size' | 'lanes'> {
  const share = Math.max(1, Math.floor(batcher.queueItemsMax * QUEUE_SHARE))
  const size = Math.min(settings.maxMinedBatchSize, share)
  return { size, lanes: Math.min(settings.maxMinedRoutines, Math.floor(share / size)) }
}
