import { Batcher, type BatchHandler, type BatchObserver, type Outcome } from '../../../lib/batching/index.ts'
import { StoreError } from '../../../lib/errors/index.ts'

/** Puts requests through a real batcher with the handler under test, as one batch, and tells how each fared. */
export async function handled<Request, Answer>(
  handler: BatchHandler<Request, Answer>,
  requests: readonly Request[],
  observer: BatchObserver = {},
): Promise<(Answer | StoreError)[]> {
  const batcher = new Batcher<Request, Answer>(
    {
      name: 'under test',
      size: requests.length,
      lingerMs: 0,
      concurrency: 1,
      queueItemsMax: requests.length,
      whenFull: 'refuse',
      waitMs: 1_000,
      observer,
    },
    handler,
  )
  const outcomes = await batcher.submitGroup(requests)
  await batcher.close()
  return outcomes.map(valueOrError)
}

function valueOrError<Answer>(outcome: Outcome<Answer>): Answer | StoreError {
  if (outcome.status === 'fulfilled') return outcome.value
  if (outcome.reason instanceof StoreError) return outcome.reason
  throw new Error('an item failed with an untyped error', { cause: outcome.reason })
}

/** `ok` or the error's code, for tables. */
export function codeOf(outcome: unknown): string {
  return outcome instanceof StoreError ? outcome.code : 'ok'
}
