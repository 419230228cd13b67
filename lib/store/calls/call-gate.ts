import { setMaxListeners } from 'node:events'
import { WaitError } from '../../batching/index.ts'
import { StoreError } from '../../errors/index.ts'
import type { StoreContext } from '../context/store-context.ts'
import { asStoreError } from '../store-errors.ts'
import { released } from '../waiting/released.ts'

/** A call of the public API. */
export interface Call {
  readonly name: string
  /** Length of the list that it works on. */
  readonly items?: number
  /** Batches that it sends one after the other, where they are more than one for its list. */
  readonly rounds?: number
  /** Its wait ends with `CONTEXT_CANCELED` when the store begins to close, instead of holding the closing up. */
  readonly endsAtClose?: boolean
}

const TIMER_MS_MAX = 2 ** 31 - 1

/**
 * What every public call passes: it is admitted while the store is open, its caller is released by the signal
 * or the bound, its errors get one form, and its work is counted until that has ended.
 */
export class CallGate {
  readonly #context: StoreContext
  #isClosed = false
  #inProgress = 0
  #onIdle: (() => void) | undefined
  readonly #endedByClose = new Set<FollowedSignal>()

  constructor(context: StoreContext) {
    this.#context = context
  }

  /**
   * Runs the work of a call. The bound is that of one batch with its queue, or of as many as the call's list
   * needs one after the other. Rejects with a `StoreError` only.
   */
  admit<Result>(
    call: Call,
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal | undefined) => Promise<Result>,
  ): Promise<Result> {
    const { name, endsAtClose = false } = call
    if (this.#isClosed)
      return Promise.reject(new StoreError('SERVICE_UNAVAILABLE', `${name}: the store is closed`))
    const boundMs = this.#boundMs(call)
    if (signal === undefined && !endsAtClose) {
      const running = this.#counted(name, () => work(undefined))
      return released(running, { name, boundMs })
    }
    if (signal?.aborted) {
      const text = `${name}: the caller's signal had fired`
      return Promise.reject(new StoreError('CONTEXT_CANCELED', text, { cause: signal.reason }))
    }
    const own = new FollowedSignal(signal)
    if (endsAtClose) this.#endedByClose.add(own)
    const running = this.#counted(name, () => work(own.signal))
    return released(running, { name, signal: own.signal, boundMs }).finally(() => {
      own.stop()
      this.#endedByClose.delete(own)
    })
  }

  /** Admits no call from now on. */
  close(): void {
    this.#isClosed = true
    const reason = new StoreError('SERVICE_UNAVAILABLE', 'the store is closing')
    for (const ended of this.#endedByClose) ended.fire(reason)
  }

  /** Every call has ended, or has lasted so long that only something outside our bounds can hold it. */
  async idle(): Promise<void> {
    if (this.#inProgress === 0) return
    const { waitMs, settings, logger } = this.#context
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>(resolve => {
      this.#onIdle = resolve
      timer = setTimeout(resolve, Math.min(TIMER_MS_MAX, waitMs + settings.spendRollbackTimeout))
    })
    clearTimeout(timer)
    if (this.#inProgress === 0) return
    logger.error(
      { event: 'close_overrun', calls: this.#inProgress },
      'calls had not ended when the store was closed',
    )
  }

  #boundMs({ items = 1, rounds: steps = 1 }: Call): number {
    const { settings, waitMs } = this.#context
    const rounds = Math.ceil(items / (settings.maxMinedBatchSize * settings.maxMinedRoutines))
    return Math.min(TIMER_MS_MAX, waitMs * Math.max(1, rounds) * steps)
  }

  async #counted<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    this.#inProgress += 1
    const startedAtMs = performance.now()
    let outcome = 'ok'
    try {
      return await work()
    } catch (error) {
      const failure = error instanceof WaitError ? waitFailure(error) : asStoreError(error, name)
      outcome = failure.code
      throw failure
    } finally {
      const { calls, callSeconds } = this.#context.metrics
      calls.increment({ operation: name, outcome })
      callSeconds.observe({ operation: name }, (performance.now() - startedAtMs) / 1000)
      this.#inProgress -= 1
      if (this.#inProgress === 0) this.#onIdle?.()
    }
  }
}

/** A signal of a call's own, fired with the caller's, where there is one: many listeners on it are no leak, as they would be there. */
class FollowedSignal {
  readonly #controller = new AbortController()
  readonly #followed: AbortSignal | undefined

  constructor(followed: AbortSignal | undefined) {
    this.#followed = followed
    setMaxListeners(0, this.#controller.signal)
    followed?.addEventListener('abort', this.#onAbort, { once: true })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  fire(reason: unknown): void {
    this.#controller.abort(reason)
  }

  stop(): void {
    this.#followed?.removeEventListener('abort', this.#onAbort)
  }

  readonly #onAbort = (): void => this.fire(this.#followed?.reason)
}

/** What callers see of a wait that ended early; the items behind it are no matter of theirs. */
function waitFailure(error: WaitError<unknown, unknown>): StoreError {
  return new StoreError(error.code, error.message, { cause: error.cause })
}
