import type { Scheduler } from './scheduler.ts'

/** Those who wait for a change. */
export class Waiters {
  readonly #scheduler: Scheduler
  #waiting = new Set<() => void>()

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
  }

  /** Something changed: everybody looks again. */
  wake(): void {
    const woken = this.#waiting
    this.#waiting = new Set()
    for (const resolve of woken) resolve()
  }

  /** Resolves at the next change, or after some milliseconds. */
  next(withinMs: number): Promise<void> {
    return new Promise(resolve => {
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
