/**
 * Calls back after a time unless cleared before. An answer that is in the socket by then still comes first: where
 * the process was busy for long, its timers fire before it reads what has arrived meanwhile.
 */
export class Deadline {
  readonly #timer: NodeJS.Timeout
  #isCleared = false

  constructor(ms: number, onOver: () => void) {
    this.#timer = setTimeout(() => {
      setImmediate(() => {
        if (!this.#isCleared) onOver()
      })
    }, ms)
  }

  clear(): void {
    this.#isCleared = true
    clearTimeout(this.#timer)
  }
}
