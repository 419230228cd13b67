import { messageOf, StoreError } from '../errors/index.ts'
import type { BatchItem } from './item-group.ts'
import { type BatchObserver, notify } from './observer.ts'

/**
 * Answers the items of one batch: `succeed` or `fail` on each. The signal fires when the batch is given up
 * because the handler did not return in time; whatever it still answers then has no effect.
 */
export type BatchHandler<Request, Answer> = (
  items: readonly BatchItem<Request, Answer>[],
  context: { signal: AbortSignal },
) => Promise<void>

export interface GuardOptions {
  name: string
  /** After this time a handler counts as lost. */
  dispatchMs: number
  observer: BatchObserver
}

/**
 * Runs a handler so that every item is answered, whatever the handler does: throw at once or half-way,
 * return without answering some, or never return. Never rejects. This is the remedy for the incident of
 * 13,693 leaked waiters (semantics 8.1, lesson 1): an exception inside a batch left its callers parked.
 */
export async function runGuarded<Request, Answer>(
  items: readonly BatchItem<Request, Answer>[],
  handler: BatchHandler<Request, Answer>,
  options: GuardOptions,
): Promise<void> {
  const { name, dispatchMs, observer } = options
  const givenUp = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const lost = new Promise<void>(resolve => {
    timer = setTimeout(() => {
      const error = new StoreError(
        'SERVICE_UNAVAILABLE',
        `${name}: the batch had no answer within ${dispatchMs} ms`,
      )
      const unanswered = failOpen(items, error)
      notify(() => observer.handlerLost?.({ items: items.length, unanswered }))
      givenUp.abort(error)
      resolve()
    }, dispatchMs)
  })

  await Promise.race([runHandler(items, handler, givenUp.signal, options), lost])
  clearTimeout(timer)
}

async function runHandler<Request, Answer>(
  items: readonly BatchItem<Request, Answer>[],
  handler: BatchHandler<Request, Answer>,
  signal: AbortSignal,
  { name, observer }: GuardOptions,
): Promise<void> {
  let failure: StoreError | undefined
  try {
    await handler(items, { signal })
  } catch (error) {
    failure = new StoreError('PROCESSING', `${name}: the batch handler failed: ${messageOf(error)}`, {
      cause: error,
    })
  }
  const error =
    failure ?? new StoreError('PROCESSING', `${name}: the batch handler gave no answer for this item`)
  const unanswered = failOpen(items, error)
  if (failure !== undefined || unanswered > 0) {
    notify(() => observer.handlerFailed?.({ error, items: items.length, unanswered }))
  }
}

function failOpen<Request, Answer>(items: readonly BatchItem<Request, Answer>[], error: StoreError): number {
  let unanswered = 0
  for (const item of items) {
    if (!item.isOpen) continue
    unanswered += 1
    item.fail(error)
  }
  return unanswered
}
