/** How much of the average the last rows make up: more than a batch, for one alone not to say it all. */
const ROWS_REMEMBERED = 2048
/** While the filter is left out, one batch in so many tries it all the same. */
const BATCHES_PER_TRIAL = 16

/**
 * Whether a filtered write is worth its while: where too few rows pass, as spends of records that are nearly all frozen,
 * the blocks of a fork, or transactions with pages, what comes after it is asked at once. Nothing is remembered of
 * single records.
 */
export class FilterYield {
  readonly #shareMin: number
  #share = 1
  #batches = 0

  /** @param shareMin the least share of rows that has to pass; each that does not costs another row, and a trip */
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

/** The yields of one filtered write. */
export class FilterYields {
  /** Of all rows of a batch. */
  readonly ofAll: FilterYield
  /** Of the rows that filtered writes before it have left undecided, which say nothing of all. */
  readonly ofRest: FilterYield

  constructor(shareMin: number) {
    this.ofAll = new FilterYield(shareMin)
    this.ofRest = new FilterYield(shareMin)
  }
}
