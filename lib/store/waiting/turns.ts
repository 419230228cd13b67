import { StoreError } from '../../errors/index.ts'

export interface TurnOptions {
  /** Names the work in the error of a turn that did not come. */
  readonly what: string
  readonly waitMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * One at a time for each key, in the order they came. Spends of one transaction take turns: a spend that failed
 * in part undoes its successes, and must not undo those of a concurrent spend by the same transaction, which
 * are the same slots with the same spending data.
 */
export class Turns {
  /** Who waits behind the one whose turn it is, by key; most often nobody, and no list. */
  readonly #lines = new Map<string, Waiter[] | undefined>()

  get size(): number {
    return this.#lines.size
  }

  /**
   * Runs `work` when those before it have ended. Throws `SERVICE_UNAVAILABLE` when its turn has not come within
   * `waitMs`, and `CONTEXT_CANCELED` when the signal fires before; then `work` is never run.
   */
  async take<Result>(key: string, options: TurnOptions, work: () => Promise<Result>): Promise<Result> {
    if (this.#lines.has(key)) await this.#turnComes(key, options)
    else this.#lines.set(key, undefined)
    try {
      return await work()
    } finally {
      this.#next(key)
    }
  }

  #next(key: string): void {
    const waiter = this.#lines.get(key)?.shift()
    if (waiter === undefined) this.#lines.delete(key)
    else waiter.come()
  }

  #turnComes(key: string, options: TurnOptions): Promise<void> {
    const line = this.#lines.get(key) ?? []
    this.#lines.set(key, line)
    return new Promise((resolve, reject) => {
      const waiter = new Waiter(options, resolve, error => {
        line.splice(line.indexOf(waiter), 1)
        reject(error)
      })
      line.push(waiter)
      waiter.wait()
    })
  }
}

/** One who waits for a turn: it comes, or the waiter leaves the line. */
class Waiter {
  readonly #options: TurnOptions
  readonly #resolve: () => void
  readonly #leave: (error: StoreError) => void
  #timer: NodeJS.Timeout | undefined

  constructor(options: TurnOptions, resolve: () => void, leave: (error: StoreError) => void) {
    this.#options = options
    this.#resolve = resolve
    this.#leave = leave
  }

  wait(): void {
    const { signal, waitMs } = this.#options
    if (signal?.aborted) {
      this.#onAbort()
      return
    }
    this.#timer = setTimeout(this.#onTimeout, waitMs)
    signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  come(): void {
    this.#end()
    this.#resolve()
  }

  readonly #onAbort = (): void => {
    this.#end()
    const cause = this.#options.signal?.reason
    this.#leave(new StoreError('CONTEXT_CANCELED', "the caller's signal ended the wait", { cause }))
  }

  readonly #onTimeout = (): void => {
    this.#end()
    const { what, waitMs } = this.#options
    const text = `${what} was still in progress after ${waitMs} ms; nothing was sent`
    this.#leave(new StoreError('SERVICE_UNAVAILABLE', text))
  }

  #end(): void {
    clearTimeout(this.#timer)
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
  }
}
