import { type AnswerListener, BoundedWait, type WaitEnd } from '../../batching/index.ts'
import { StoreError } from '../../errors/index.ts'

export interface ReleaseOptions {
  /** Names the call in errors. */
  readonly name: string
  readonly signal?: AbortSignal | undefined
  readonly boundMs?: number | undefined
}

/**
 * The result of `work`, or `CONTEXT_CANCELED` as soon as the signal fires, or `SERVICE_UNAVAILABLE` after the
 * bound, whichever comes first. The work goes on: what was sent may still take effect. Its later failure is not
 * unhandled, for nobody waits for it.
 */
export function released<Result>(work: Promise<Result>, options: ReleaseOptions): Promise<Result> {
  return new Promise((resolve, reject) => {
    const wait = new ReleasedWait<Result>(options.name, resolve, reject)
    wait.begin(options.boundMs, options.signal)
    work.then(
      result => wait.succeed(result),
      error => wait.fail(error),
    )
  })
}

/** One caller's wait, ended by its result, the signal or the bound. */
export class ReleasedWait<Result> extends BoundedWait implements AnswerListener<Result> {
  protected readonly name: string
  readonly #resolve: (result: Result) => void
  readonly #reject: (error: unknown) => void

  constructor(name: string, resolve: (result: Result) => void, reject: (error: unknown) => void) {
    super()
    this.name = name
    this.#resolve = resolve
    this.#reject = reject
  }

  /**
   * To be called when the work has begun: bounds within it that are as long as this one then come first, and say
   * more exactly what had no answer.
   */
  begin(boundMs: number | undefined, signal: AbortSignal | undefined): void {
    if (!this.hasEnded) this.beginWait({ waitMs: boundMs, signal })
  }

  succeed(result: Result): void {
    if (this.endWait()) this.#resolve(result)
  }

  fail(error: unknown): void {
    if (this.endWait()) this.#reject(error)
  }

  protected onRelease(cause: WaitEnd): void {
    this.#reject(this.releaseError(cause))
  }

  /** What the caller is told. */
  protected releaseError(cause: WaitEnd): StoreError {
    const { name, waitMs } = this
    return cause === 'canceled'
      ? new StoreError('CONTEXT_CANCELED', `${name}: the caller's signal ended the wait`, {
          cause: this.abortReason,
        })
      : new StoreError(
          'SERVICE_UNAVAILABLE',
          `${name}: no answer within ${waitMs} ms; it may still take effect`,
        )
  }
}
