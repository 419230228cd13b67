import { StoreError } from '../errors/index.ts'

/** The right to do one thing of a bounded number. */
export interface Permit {
  /** Gives it back; again is harmless. */
  release(): void
}

interface Waiter {
  grant(permit: Permit): void
}

/** Bounds how many do something at a time. Permits go to those who wait in the order of their coming. */
export class Semaphore {
  readonly #permits: number
  #inUse = 0
  /** A set, so that one who leaves costs the same wherever in the line it stood. */
  readonly #waiting = new Set<Waiter>()

  /** @param permits a whole number from 1, or infinity */
  constructor(permits: number) {
    this.#permits = permits
  }

  get inUse(): number {
    return this.#inUse
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** A permit, or undefined at once where there is none. */
  tryAcquire(): Permit | undefined {
    if (this.#inUse >= this.#permits || this.#waiting.size > 0) return undefined
    this.#inUse += 1
    return this.#permit()
  }

  /** Waits for a permit. Rejects with `CONTEXT_CANCELED` when the signal fires first. */
  acquire(signal: AbortSignal): Promise<Permit> {
    if (signal.aborted) return Promise.reject(canceled(signal))
    const permit = this.tryAcquire()
    if (permit !== undefined) return Promise.resolve(permit)
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        grant: granted => {
          signal.removeEventListener('abort', leave)
          resolve(granted)
        },
      }
      const leave = (): void => {
        this.#waiting.delete(waiter)
        reject(canceled(signal))
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.add(waiter)
    })
  }

  #permit(): Permit {
    let isReleased = false
    return {
      release: () => {
        if (isReleased) return
        isReleased = true
        this.#passOn()
      },
    }
  }

  #passOn(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#inUse -= 1
      return
    }
    this.#waiting.delete(next)
    next.grant(this.#permit())
  }
}

function canceled({ reason }: AbortSignal): StoreError {
  return new StoreError('CONTEXT_CANCELED', "the caller's signal ended the wait for a permit", {
    cause: reason,
  })
}
