/** Txids share a stripe by their first two bytes; that of another one costs a miss, never a wrong answer. */
const STRIPES = 65_536

/** When a read of the store began, as `EntryFreshness.begin` gave it. */
export interface ReadBegin {
  /** Changes that were known by then. */
  readonly changes: number
  /** Milliseconds, by a clock that never goes back. */
  readonly atMs: number
}

/**
 * Tells whether what was read from the store may still be kept. Who reads a transaction, and is overtaken by a
 * call that changes it, must not put what it has read into the cache after that call has removed the entry: it
 * would stay there until it is too old. And where a call failed without a verdict, the change may take effect
 * later, so that for a while nothing that is read can be relied on.
 */
export class EntryFreshness {
  readonly #now: () => number
  /** Of each stripe, the number of the latest change in it. */
  readonly #changedAt = new Float64Array(STRIPES)
  /** Of each stripe, until when a change may still take effect. */
  readonly #uncertainUntilMs = new Float64Array(STRIPES)
  #changes = 0
  #allChangedAt = 0
  #allUncertainUntilMs = 0

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  begin(): ReadBegin {
    return { changes: this.#changes, atMs: this.#now() }
  }

  /** Whether nothing has changed the transaction since, or may have done so unnoticed. */
  isFresh(txid: Uint8Array, { changes, atMs }: ReadBegin): boolean {
    const stripe = stripeOf(txid)
    return (
      this.#allChangedAt <= changes &&
      this.#allUncertainUntilMs <= atMs &&
      (this.#changedAt[stripe] as number) <= changes &&
      (this.#uncertainUntilMs[stripe] as number) <= atMs
    )
  }

  /** Whether no change of unknown outcome may still come. Looks at the clock only where there was one. */
  isSettled(txid: Uint8Array): boolean {
    const untilMs = Math.max(this.#allUncertainUntilMs, this.#uncertainUntilMs[stripeOf(txid)] as number)
    return untilMs === 0 || untilMs <= this.#now()
  }

  /** A call has changed the transaction; with `uncertainMs` it may still do so for as long. */
  changed(txid: Uint8Array, uncertainMs = 0): void {
    const stripe = stripeOf(txid)
    this.#changes += 1
    this.#changedAt[stripe] = this.#changes
    if (uncertainMs > 0) this.#uncertainUntilMs[stripe] = this.#now() + uncertainMs
  }

  /** A call has changed nobody knows which transactions. */
  allChanged(uncertainMs = 0): void {
    this.#changes += 1
    this.#allChangedAt = this.#changes
    if (uncertainMs > 0) this.#allUncertainUntilMs = this.#now() + uncertainMs
  }
}

function stripeOf(txid: Uint8Array): number {
  return (txid[0] as number) | ((txid[1] as number) << 8)
}
