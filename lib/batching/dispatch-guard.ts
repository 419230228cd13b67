import { setMaxListeners } from 'node:events'
import { messageOf, StoreError } from '../errors/index.ts'
import type { BatchItem } from './batch-item.ts'
import { type BatchObserver, notify } from './observer.ts'

/** What a handler is told beside its items. */
export interface DispatchContext {
  /**
   * Fires when the batch is given up because the handler did not return in time; whatever the handler still
   * answers then has no effect. Made when it is first asked for.
   */
  readonly signal: AbortSignal
}

/** Answers the items of one batch: `succeed` or `fail` on each. */
export type BatchHandler<Request, Answer> = (
  items: readonly BatchItem<Request, Answer>[],
  context: DispatchContext,
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
 * Tells whether the handler was given up.
 */
export async function runGuarded<Request, Answer>(
  items: readonly BatchItem<Request, Answer>[],
  handler: BatchHandler<Request, Answer>,
  options: GuardOptions,
): Promise<{ isLost: boolean }> {
  const { name, dispatchMs, observer } = options
  const context = new GuardedContext()
  let timer: NodeJS.Timeout | undefined
  let isLost = false
  const lost = new Promise<void>(resolve => {
    timer = setTimeout(() => {
      isLost = true
      const error = new StoreError(
        'SERVICE_UNAVAILABLE',
        `${name}: the batch had no answer within ${dispatchMs} ms`,
      )
      const unanswered = failOpen(items, error)
      notify(() => observer.handlerLost?.({ items: items.length, unanswered }))
      context.giveUp(error)
      resolve()
    }, dispatchMs)
  })

  await Promise.race([runHandler(items, handler, context, options), lost])
  clearTimeout(timer)
  return { isLost }
}

async function runHandler<Request, Answer>(
  items: readonly BatchItem<Request, Answer>[],
  handler: BatchHandler<Request, Answer>,
  context: DispatchContext,
  { name, observer }: GuardOptions,
): Promise<void> {
  let failure: StoreError | undefined
  try {
    await handler(items, context)
  } catch (error) {
    failure = new StoreError('PROCESSING', `${name}: the batch handler failed: ${messageOf(error)}`, {
      cause: error,
    })
  }
  // The usual case: no error, and its stack trace, is made for nothing.
  if (failure === undefined && !items.some(item => item.isOpen)) return
  const error =
    failure ?? new StoreError('PROCESSING', `${name}: the batch handler gave no answer for this item`)
  const unanswered = failOpen(items, error)
  notify(() => observer.handlerFailed?.({ error, items: items.length, unanswered }))
}

class GuardedContext implements DispatchContext {
  #controller: AbortController | undefined
  #reason: StoreError | undefined

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      // A handler may have many batches under way at a time, each with its listener.
      setMaxListeners(0, this.#controller.signal)
      if (this.#reason !== undefined) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  giveUp(reason: StoreError): void {
    this.#reason = reason
    this.#controller?.abort(reason)
  }
}

function failOpen<Request, Answer>(items: readonly BatchItem<Request, Answer>[], error: StoreError): number {
  let unanswered = 0
  for (const item of items) {
    if (!item.isOpen) continue
    unanswered += 1
    try {
      item.fail(error)
    } catch {
      // It is answered; who cannot bear its answer must not keep the others from theirs.
    }
  }
  return unanswered
}
