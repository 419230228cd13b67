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
  /** Ends with the last one in the line, by key. */
  readonly #tails = new Map<string, Promise<void>>()

  get size(): number {
    return this.#tails.size
  }

  /**
   * Runs `work` when those before it have ended. Throws `SERVICE_UNAVAILABLE` when its turn has not come within
   * `waitMs`, and `CONTEXT_CANCELED` when the signal fires before; then `work` is never run.
   */
  async take<Result>(
    key: string,
    { what, waitMs, signal }: TurnOptions,
    work: () => Promise<Result>,
  ): Promise<Result> {
    const before = this.#tails.get(key)
    let end: () => void = () => {}
    const own = new Promise<void>(resolve => {
      end = resolve
    })
    const tail = before === undefined ? own : Promise.all([before, own]).then(() => {})
    this.#tails.set(key, tail)
    try {
      if (before !== undefined) await turnComes(before, { what, waitMs, signal })
      return await work()
    } finally {
      end()
      void tail.then(() => {
        if (this.#tails.get(key) === tail) this.#tails.delete(key)
      })
    }
  }
}

function turnComes(before: Promise<void>, { what, waitMs, signal }: TurnOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (error?: StoreError): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      if (error === undefined) resolve()
      else reject(error)
    }
    const onAbort = (): void =>
      leave(
        new StoreError('CONTEXT_CANCELED', "the caller's signal ended the wait", { cause: signal?.reason }),
      )
    const timer = setTimeout(
      () =>
        leave(
          new StoreError(
            'SERVICE_UNAVAILABLE',
            `${what} was still in progress after ${waitMs} ms; nothing was sent`,
          ),
        ),
      waitMs,
    )
    if (signal?.aborted) return onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    void before.then(() => leave())
  })
}
