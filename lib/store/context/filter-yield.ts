/** How much of the average the last rows make up. */
const ROWS_REMEMBERED = 1024
/** While the filter is left out, one batch in so many tries it all the same. */
const BATCHES_PER_TRIAL = 16

/**
 * Whether a filtered write is worth its while: where too few rows pass, as for records that are nearly all frozen or
 * of transactions that were spent before, what comes after it is asked at once. Nothing is remembered of single
 * records.
 */
export class FilterYield {
  readonly #shareMin: number
  #share = 1
  #batches = 0

  /** @param shareMin of the rows that have to pass, for those that do not cost a row and a trip more */
  constructor(shareMin: number) {
    this.#shareMin = shareMin
  }

  /** To be asked once for each batch. */
  isWorthwhile(): boolean {
    if (this.#share >= this.#shareMin) return true
    this.#batches = (this.#batches + 1) % BATCHES_PER_TRIAL
    return this.#batches === 0
  }

  record(rows: number, passed: number): void {
    if (rows === 0) return
    const weight = Math.min(1, rows / ROWS_REMEMBERED)
    this.#share += (passed / rows - this.#share) * weight
  }
}
