import type { Clock } from '../clock.ts'

/** This much of a second's records may go at once. */
const BURST_SECONDS = 0.1

/** Keeps a job to a number of records a second. */
export class Throttle {
  readonly #clock: Clock
  readonly #recordsPerSecond: number
  readonly #startMs: number
  readonly #burst: number
  #records = 0

  /** @param recordsPerSecond above 0 */
  constructor(clock: Clock, recordsPerSecond: number) {
    this.#clock = clock
    this.#recordsPerSecond = recordsPerSecond
    this.#startMs = clock.nowMs()
    this.#burst = Math.max(1, recordsPerSecond * BURST_SECONDS)
  }

  count(): void {
    this.#records++
  }

  /** How long to wait before the next record; 0 = not at all. */
  get waitMs(): number {
    const dueMs = ((this.#records - this.#burst + 1) / this.#recordsPerSecond) * 1000
    return Math.max(0, Math.ceil(this.#startMs + dueMs - this.#clock.nowMs()))
  }
}
