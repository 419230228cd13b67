import { NothingSentError } from './nothing-sent-error.ts'

const PERMITS_MAX = 2 ** 20

/**
 * How many batches are in flight at the most: the connections to a node times a multiplier, within 1 to 2^20.
 * Undefined, for no limit, where the multiplier is 0, negative or no number (semantics 6.1).
 */
export function permitCount(connections: number, multiplier: number): number | undefined {
  if (!(multiplier > 0)) return undefined
  return Math.min(PERMITS_MAX, Math.max(1, Math.floor(connections * multiplier)))
}

interface Waiter {
  readonly grant: () => void
}

/**
 * Admits as many batches at a time as there are connections to a node, first come first served, so that the
 * npm client's own error, "no more connections", stays an exception (semantics 6.1). A batch that is not
 * admitted in time fails without anything having been sent.
 */
export class ConnectionPermits {
  #free: number
  readonly #resource: string
  readonly #waiting: Set<Waiter> = new Set()

  /** @param resource names in errors what a permit is for */
  constructor(permits: number, resource = 'connection') {
    this.#free = permits
    this.#resource = resource
  }

  get free(): number {
    return this.#free
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** Runs `work` with a permit, which it gives back however `work` ends. */
  async withPermit<Result>(
    { waitMs, signal }: { waitMs: number; signal?: AbortSignal | undefined },
    work: () => Promise<Result>,
  ): Promise<Result> {
    await this.#acquire(waitMs, signal)
    try {
      return await work()
    } finally {
      this.#release()
    }
  }

  async #acquire(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1
      return
    }
    let timer: NodeJS.Timeout | undefined
    let onAbort = (): void => {}
    try {
      await new Promise<void>((resolve, reject) => {
        const waiter = { grant: resolve }
        const leave = (error: NothingSentError): void => {
          if (this.#waiting.delete(waiter)) reject(error)
        }
        onAbort = () =>
          leave(
            new NothingSentError('CONTEXT_CANCELED', 'the batch was given up before it was sent', {
              cause: signal?.reason,
            }),
          )
        timer = setTimeout(
          () =>
            leave(
              new NothingSentError(
                'SERVICE_UNAVAILABLE',
                `no ${this.#resource} was free within ${waitMs} ms; nothing was sent`,
              ),
            ),
          waitMs,
        )
        this.#waiting.add(waiter)
        if (signal?.aborted) onAbort()
        else signal?.addEventListener('abort', onAbort, { once: true })
      })
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  #release(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#free += 1
      return
    }
    this.#waiting.delete(next)
    next.grant()
  }
}
