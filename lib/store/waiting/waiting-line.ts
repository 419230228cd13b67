import { BoundedWait, type WaitEnd } from '../../batching/index.ts'
import { StoreError } from '../../errors/index.ts'

export interface TurnOptions {
  /** Names the work in the error of a turn that did not come. */
  readonly what: string
  readonly waitMs: number
  readonly signal?: AbortSignal | undefined
}

/** Who wants a turn: told once, that it has come, or that it will not. Must not throw. */
export interface TurnTaker {
  come(): void
  /** With `SERVICE_UNAVAILABLE` after `waitMs`, with `CONTEXT_CANCELED` when the signal fired. */
  refuse(error: StoreError): void
}

/** Those who wait for a turn that another has, in the order they came, each as long as it said. */
export class WaitingLine {
  readonly #waiters: Waiter[] = []

  /** Puts one at the end. */
  wait(options: TurnOptions, taker: TurnTaker): void {
    const waiters = this.#waiters
    const waiter = new Waiter(options, taker, () => waiters.splice(waiters.indexOf(waiter), 1))
    waiters.push(waiter)
    waiter.wait()
  }

  /** Gives the first one the turn; false where nobody waits any more. */
  next(): boolean {
    const waiter = this.#waiters.shift()
    waiter?.come()
    return waiter !== undefined
  }
}

/** One who waits for a turn: it comes, or the waiter leaves the line. */
class Waiter extends BoundedWait {
  readonly #options: TurnOptions
  readonly #taker: TurnTaker
  readonly #leaveLine: () => void

  constructor(options: TurnOptions, taker: TurnTaker, leaveLine: () => void) {
    super()
    this.#options = options
    this.#taker = taker
    this.#leaveLine = leaveLine
  }

  wait(): void {
    this.beginWait(this.#options)
  }

  /** Not at once: whoever leaves has its own end to tell, and a long line of short turns would nest without end. */
  come(): void {
    if (this.endWait()) queueMicrotask(() => this.#taker.come())
  }

  protected onRelease(cause: WaitEnd): void {
    this.#leaveLine()
    const { what, waitMs } = this.#options
    this.#taker.refuse(
      cause === 'canceled'
        ? new StoreError('CONTEXT_CANCELED', "the caller's signal ended the wait", {
            cause: this.abortReason,
          })
        : new StoreError(
            'SERVICE_UNAVAILABLE',
            `${what} was still in progress after ${waitMs} ms; nothing was sent`,
          ),
    )
  }
}
