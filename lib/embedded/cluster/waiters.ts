import type { Scheduler } from './scheduler.ts'

/** Those who wait for a change. */
export class Waiters {
  readonly #scheduler: Scheduler
  #waiting = new Set<() => void>()
  #isClosed = false

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
  }

  /** Something changed: everybody looks again. */
  wake(): void {
    const woken = this.#waiting
    this.#waiting = new Set()
    for (const resolve of woken) resolve()
  }

  /** Wakes everybody for the last time. */
  close(): void {
    this.#isClosed = true
    this.wake()
  }

  /** Resolves at the next change, or after some milliseconds; never any more when nothing changes since `close`. */
  next(withinMs: number): Promise<void> {
    return new Promise(resolve => {
      if (this.#isClosed) return
      const cancel = this.#scheduler.after(withinMs, () => {
        this.#waiting.delete(wake)
        resolve()
      })
      const wake = (): void => {
        cancel()
        resolve()
      }
      this.#waiting.add(wake)
    })
  }

  /** Resolves once a condition holds: looks now, and at every change. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>(resolve => this.#waiting.add(resolve))
  }
}
