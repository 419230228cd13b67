/** How much of the average the last rows make up. */
const ROWS_REMEMBERED = 1024
/** A row that does not pass costs a second trip, and the server nearly half of a Lua call. */
const SHARE_MIN = 0.5
/** While the filter is left out, one batch in so many tries it all the same. */
const BATCHES_PER_TRIAL = 16

/**
 * Whether filtered writes are worth their while: where most rows do not pass, as for records that are nearly all
 * frozen or of transactions that were spent before, Lua is asked at once. Nothing is remembered of single records.
 */
export class FilterYield {
  #share = 1
  #batches = 0

  /** To be asked once for each batch. */
  isWorthwhile(): boolean {
    if (this.#share >= SHARE_MIN) return true
    this.#batches = (this.#batches + 1) % BATCHES_PER_TRIAL
    return this.#batches === 0
  }

  record(rows: number, passed: number): void {
    if (rows === 0) return
    const weight = Math.min(1, rows / ROWS_REMEMBERED)
    this.#share += (passed / rows - this.#share) * weight
  }
}
