import { type AnswerListener, type WaitEnd, WaitError } from '../../batching/index.ts'
import { checkCallOptions, noteWorkBehind, StoreError, TIMER_MS_MAX } from '../../errors/index.ts'
import type { StoreContext } from '../context/store-context.ts'
import { asStoreError } from '../store-errors.ts'
import { ReleasedWait } from '../waiting/released.ts'
import type { CallOptions } from './call-options.ts'
import { FollowedSignal } from './followed-signal.ts'

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

/**
 * What every public call passes: it is admitted while the store is open, its caller is released by the signal
 * or the bound, its errors get one form, and its work is counted until that has ended.
 */
export class CallGate {
  readonly #context: StoreContext
  readonly #progress: CallsInProgress
  #isClosed = false
  readonly #endedByClose = new Set<FollowedSignal>()

  constructor(context: StoreContext) {
    this.#context = context
    this.#progress = new CallsInProgress(context)
  }

  /**
   * Runs the work of a call. The bound is that of one batch with its queue, or of as many as the call's list
   * needs one after the other. Rejects with a `StoreError` only.
   */
  admit<Result>(
    call: Call,
    options: CallOptions,
    work: (signal: AbortSignal | undefined) => Promise<Result>,
  ): Promise<Result> {
    return this.admitTo(call, options, (end, own) => {
      work(own).then(
        result => end.succeed(result),
        error => end.fail(error),
      )
    })
  }

  /**
   * As `admit`, for work that tells its end itself, exactly once; what it throws tells it, too. Without a promise of
   * its own it costs the calls that are made a hundred thousand times a second a good deal less.
   */
  admitTo<Result>(
    call: Call,
    options: CallOptions,
    work: (end: AnswerListener<Result>, signal: AbortSignal | undefined) => void,
  ): Promise<Result> {
    const { name, endsAtClose = false } = call
    if (this.#isClosed)
      return Promise.reject(new StoreError('SERVICE_UNAVAILABLE', `${name}: the store is closed`))
    let signal: AbortSignal | undefined
    try {
      checkCallOptions(options)
      signal = options.signal
    } catch (error) {
      return Promise.reject(asStoreError(error, `${name}: its options`, { code: 'INVALID_ARGUMENT' }))
    }
    const boundMs = this.#boundMs(call)
    if (signal === undefined && !endsAtClose)
      return new Promise((resolve, reject) => {
        new AdmittedCall(this.#progress, name, resolve, reject).run(work, boundMs, undefined)
      })
    if (signal?.aborted) {
      const text = `${name}: the caller's signal had fired`
      return Promise.reject(new StoreError('CONTEXT_CANCELED', text, { cause: signal.reason }))
    }
    const own = new FollowedSignal(signal)
    if (endsAtClose) this.#endedByClose.add(own)
    return new Promise<Result>((resolve, reject) => {
      new AdmittedCall(this.#progress, name, resolve, reject).run(work, boundMs, own.signal)
    }).finally(() => {
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
    const progress = this.#progress
    if (progress.calls === 0) return
    const { waitMs, settings, logger } = this.#context
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>(resolve => {
      progress.onIdle = resolve
      timer = setTimeout(resolve, Math.min(TIMER_MS_MAX, waitMs + settings.spendRollbackTimeout))
    })
    clearTimeout(timer)
    if (progress.calls === 0) return
    logger.error(
      { event: 'close_overrun', calls: progress.calls },
      'calls had not ended when the store was closed',
    )
  }

  #boundMs({ items = 1, rounds: steps = 1 }: Call): number {
    const { settings, waitMs } = this.#context
    const rounds = Math.ceil(items / (settings.maxMinedBatchSize * settings.maxMinedRoutines))
    return Math.min(TIMER_MS_MAX, waitMs * Math.max(1, rounds) * steps)
  }
}

/** The calls whose work goes on, whether or not their callers still wait, and the count of how they ended. */
class CallsInProgress {
  readonly #context: StoreContext
  /** By the name of the call. */
  readonly #series = new Map<string, CallSeries>()
  calls = 0
  onIdle: (() => void) | undefined

  constructor(context: StoreContext) {
    this.#context = context
  }

  ended(operation: string, outcome: string, startedAtMs: number): void {
    const { successes, seconds } = this.#series.get(operation) ?? this.#seriesOf(operation)
    if (outcome === 'ok') successes.increment()
    else this.#context.metrics.calls.increment({ operation, outcome })
    seconds.observe((performance.now() - startedAtMs) / 1000)
    this.calls -= 1
    if (this.calls === 0) this.onIdle?.()
  }

  #seriesOf(operation: string): CallSeries {
    const { calls, callSeconds } = this.#context.metrics
    const series = {
      successes: calls.of({ operation, outcome: 'ok' }),
      seconds: callSeconds.of({ operation }),
    }
    this.#series.set(operation, series)
    return series
  }
}

interface CallSeries {
  /** Most calls succeed; the other outcomes are looked up when they come. */
  readonly successes: { increment(): void }
  /** Of all calls, however they ended. */
  readonly seconds: { observe(value: number): void }
}

/** What callers see of a wait that ended early; the items behind it are no matter of theirs. */
function waitFailure(error: WaitError<unknown, unknown>): StoreError {
  return new StoreError(error.code, error.message, { cause: error.cause })
}

/** One call: its caller's wait, and the work behind it, which may last longer. */
class AdmittedCall<Result> extends ReleasedWait<Result> {
  readonly #progress: CallsInProgress
  readonly #startedAtMs = performance.now()
  #isCounted = false
  #onEnd: (() => void) | undefined

  constructor(
    progress: CallsInProgress,
    name: string,
    resolve: (result: Result) => void,
    reject: (error: unknown) => void,
  ) {
    super(name, resolve, reject)
    this.#progress = progress
  }

  run(
    work: (end: AnswerListener<Result>, signal: AbortSignal | undefined) => void,
    boundMs: number,
    signal: AbortSignal | undefined,
  ): void {
    this.#progress.calls += 1
    try {
      work(this, signal)
    } catch (error) {
      this.fail(error)
      return
    }
    this.begin(boundMs, signal)
  }

  override succeed(result: Result): void {
    super.succeed(result)
    this.#end('ok')
  }

  override fail(error: unknown): void {
    const failure = error instanceof WaitError ? waitFailure(error) : asStoreError(error, this.name)
    super.fail(failure)
    this.#end(failure.code)
  }

  /** Who keeps copies of what the call changes has to know until when it does. */
  protected override releaseError(cause: WaitEnd): StoreError {
    const error = super.releaseError(cause)
    const ended = new Promise<void>(resolve => {
      this.#onEnd = resolve
    })
    noteWorkBehind(error, ended)
    return error
  }

  /** Once, whatever the work does: the closing of the store waits until the count is zero. */
  #end(outcome: string): void {
    if (this.#isCounted) return
    this.#isCounted = true
    this.#progress.ended(this.name, outcome, this.#startedAtMs)
    this.#onEnd?.()
  }
}
