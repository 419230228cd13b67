/** Txids share a stripe by their first two bytes; that of another one costs a miss, never a wrong answer. */
const STRIPES = 65_536
/** Behind the stripes, what is told of all transactions. */
const OF_ALL = STRIPES

/** When a read of the store began, as `EntryFreshness.begin` gave it. */
export interface ReadBegin {
  /** Changes that were known by then. */
  readonly changes: number
  /** Milliseconds, by a clock that never goes back. */
  readonly atMs: number
}

/** How long a call without a verdict may still take effect. */
export interface Doubt {
  /** Milliseconds, from the end of its work on. */
  readonly uncertainMs: number
  /** Where the work of the call goes on without its caller: resolves at its end. */
  readonly ended: Promise<void> | undefined
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
  readonly #changedAt = new Float64Array(STRIPES + 1)
  /** Of each stripe, until when a change may still take effect. */
  readonly #uncertainUntilMs = new Float64Array(STRIPES + 1)
  /** Holds by stripe, where there are any. */
  readonly #holds = new Map<number, number>()
  #changes = 0

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
      (this.#changedAt[OF_ALL] as number) <= changes &&
      (this.#uncertainUntilMs[OF_ALL] as number) <= atMs &&
      (this.#changedAt[stripe] as number) <= changes &&
      (this.#uncertainUntilMs[stripe] as number) <= atMs
    )
  }

  /** Whether no change of unknown outcome may still come. Looks at the clock only where there was one. */
  isSettled(txid: Uint8Array): boolean {
    const untilMs = Math.max(
      this.#uncertainUntilMs[OF_ALL] as number,
      this.#uncertainUntilMs[stripeOf(txid)] as number,
    )
    return untilMs === 0 || untilMs <= this.#now()
  }

  /** The transaction has changed; or nobody knows which. */
  changed(of: Uint8Array | 'all'): void {
    this.#changes += 1
    this.#changedAt[stripeOf(of)] = this.#changes
  }

  /** It may still change for so long. */
  doubt(of: Uint8Array | 'all', uncertainMs: number): void {
    const stripe = stripeOf(of)
    const untilMs = this.#now() + uncertainMs
    this.#uncertainUntilMs[stripe] = Math.max(this.#uncertainUntilMs[stripe] as number, untilMs)
  }

  /** It may still change until `release` is called as often. */
  hold(of: Uint8Array | 'all'): void {
    const stripe = stripeOf(of)
    this.#holds.set(stripe, (this.#holds.get(stripe) ?? 0) + 1)
    this.#uncertainUntilMs[stripe] = Number.POSITIVE_INFINITY
  }

  /** Ends one hold; it may still change for so long. */
  release(of: Uint8Array | 'all', uncertainMs: number): void {
    const stripe = stripeOf(of)
    const others = (this.#holds.get(stripe) ?? 0) - 1
    if (others > 0) this.#holds.set(stripe, others)
    else {
      this.#holds.delete(stripe)
      this.#uncertainUntilMs[stripe] = this.#now() + uncertainMs
    }
  }
}

function stripeOf(of: Uint8Array | 'all'): number {
  return of === 'all' ? OF_ALL : (of[0] as number) | ((of[1] as number) << 8)
}
