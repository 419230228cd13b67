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
  /** From now on until `leave` nobody else has the key. */
  come(): void
  refuse(error: StoreError): void
}

/**
 * One at a time for each key, in the order they came. Spends of one transaction take turns: a spend that failed
 * in part undoes its successes, and must not undo those of a concurrent spend by the same transaction, which
 * are the same slots with the same spending data.
 */
export class Turns {
  /** The keys that somebody has. */
  readonly #taken = new Set<string>()
  /** Who waits behind them, by key; most often nobody, and no list. */
  readonly #lines = new Map<string, Waiter[]>()

  get size(): number {
    return this.#taken.size
  }

  /**
   * Runs `work` when those before it have ended. Throws `SERVICE_UNAVAILABLE` when its turn has not come within
   * `waitMs`, and `CONTEXT_CANCELED` when the signal fires before; then `work` is never run.
   */
  async take<Result>(key: string, options: TurnOptions, work: () => Promise<Result>): Promise<Result> {
    await new Promise<void>((come, refuse) => this.enter(key, options, { come, refuse }))
    try {
      return await work()
    } finally {
      this.leave(key)
    }
  }

  /** Has a turn come at once where the key is free, and otherwise when those before have left. */
  enter(key: string, options: TurnOptions, taker: TurnTaker): void {
    const takenBefore = this.#taken.size
    // One look-up instead of two: keys are long, and there are a hundred thousand a second.
    if (this.#taken.add(key).size > takenBefore) {
      taker.come()
      return
    }
    const line = this.#lines.get(key) ?? []
    this.#lines.set(key, line)
    const waiter = new Waiter(options, taker, () => line.splice(line.indexOf(waiter), 1))
    line.push(waiter)
    waiter.wait()
  }

  /** Ends the turn of whom it had come to. */
  leave(key: string): void {
    const line = this.#lines.size === 0 ? undefined : this.#lines.get(key)
    const next = line?.shift()
    if (line?.length === 0) this.#lines.delete(key)
    if (next === undefined) this.#taken.delete(key)
    else next.come()
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
