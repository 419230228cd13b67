import { Batcher, type BatchHandler, type Outcome } from '../../batching/index.ts'
import { type ErrorCode, StoreError } from '../../errors/index.ts'
import type { StoreContext } from '../context/store-context.ts'
import { doubtfulError } from '../store-errors.ts'

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
    return (await batcher.submitGroup(requests)).map(withDoubt)
  } catch (error) {
    // Given up, not refused: what was sent may take effect.
    throw error instanceof StoreError ? doubtfulError(error) : error
  } finally {
    await batcher.close()
  }
}

const WITHOUT_VERDICT: ReadonlySet<ErrorCode> = new Set([
  'SERVICE_UNAVAILABLE',
  'CONTEXT_CANCELED',
  'PROCESSING',
])

/** A handler that did not return, or failed, says nothing of what it had sent. */
function withDoubt<Answer>(outcome: Outcome<Answer>): Outcome<Answer> {
  if (outcome.status !== 'rejected') return outcome
  const { reason } = outcome
  return reason instanceof StoreError && WITHOUT_VERDICT.has(reason.code)
    ? { status: 'rejected', reason: doubtfulError(reason) }
    : outcome
}
