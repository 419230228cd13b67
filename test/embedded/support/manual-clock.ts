import { AEROSPIKE_EPOCH_MS, type Clock } from '../../../lib/embedded/clock.ts'

/** A clock that stands still until it is moved. */
export class ManualClock implements Clock {
  #nowMs = AEROSPIKE_EPOCH_MS + 500_000_000_000

  nowMs(): number {
    return this.#nowMs
  }

  advanceMs(milliseconds: number): void {
    this.#nowMs += milliseconds
  }

  advanceSeconds(seconds: number): void {
    this.#nowMs += seconds * 1000
  }
}
