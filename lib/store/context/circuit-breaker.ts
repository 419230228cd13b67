export type BreakerState = 'closed' | 'open' | 'half-open'

export interface CircuitBreakerOptions {
  /** Failures in a row that open it; 0 never opens it. */
  failureCount: number
  /** How long it stays open, in milliseconds. */
  cooldownMs: number
  /** Probes that a half-open breaker lets through, and successes that close it. */
  halfOpenMax: number
  now?(): number
  onChange?(state: BreakerState): void
}

/**
 * - `answered`: the server gave a well-formed answer, whatever it says of the data.
 * - `failed`: the server, or the way to it, failed.
 * - `unknown`: neither; a refusal for load, which has a mechanism of its own, or a call that was given up.
 */
export type ProbeOutcome = 'answered' | 'failed' | 'unknown'

/** Leave to send one item. Reported once; later reports do nothing. */
export interface Admission {
  readonly period: number
  isReported: boolean
}

/**
 * Stops sending to a server that fails, and finds out cheaply when it is back: closed, then open after a number
 * of failures in a row, then, after a pause, half-open with a few probes (semantics 6.3).
 *
 * It cannot stick half-open, as the reference's could: attempts and successes are counted in one unit, the item;
 * any well-formed answer is a success, a refused spend as well; and an item that ends without one gives its
 * place back. Results of items that were admitted in an earlier period change nothing.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions
  readonly #now: () => number
  #state: BreakerState = 'closed'
  /** Counts the changes of state. */
  #period = 0
  #failuresInRow = 0
  #openedAtMs = 0
  #probesOut = 0
  #probesAnswered = 0
  /** While closed nobody counts admissions, and one serves for all. */
  #shared: Admission = { period: 0, isReported: false }

  constructor(options: CircuitBreakerOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  get state(): BreakerState {
    return this.#state
  }

  /** Asked for each item before it is sent; undefined refuses it. */
  admit(): Admission | undefined {
    if (this.#state === 'closed') return this.#shared
    if (this.#state === 'open') {
      if (this.#now() - this.#openedAtMs < this.#options.cooldownMs) return undefined
      this.#become('half-open')
    }
    if (this.#probesOut + this.#probesAnswered >= this.#options.halfOpenMax) return undefined
    this.#probesOut += 1
    return { period: this.#period, isReported: false }
  }

  /** One answer of the server, or one failed call, with the items that it decides; undefined for those not asked for. */
  report(admissions: readonly (Admission | undefined)[], outcome: ProbeOutcome): void {
    if (this.#state === 'closed') {
      if (admissions.some(admission => admission?.period === this.#period)) this.#countInRow(outcome)
      return
    }
    for (const admission of admissions) if (admission !== undefined) this.#settleProbe(admission, outcome)
  }

  /** The item is at its end; where no answer was reported for it, its place is free again. */
  release(admission: Admission): void {
    this.#settleProbe(admission, 'unknown')
  }

  #countInRow(outcome: ProbeOutcome): void {
    if (outcome === 'answered') this.#failuresInRow = 0
    if (outcome !== 'failed') return
    this.#failuresInRow += 1
    const { failureCount } = this.#options
    if (failureCount > 0 && this.#failuresInRow >= failureCount) this.#open()
  }

  #settleProbe(admission: Admission, outcome: ProbeOutcome): void {
    if (this.#state !== 'half-open' || admission.period !== this.#period || admission.isReported) return
    admission.isReported = true
    this.#probesOut -= 1
    if (outcome === 'failed') this.#open()
    else if (outcome === 'answered') {
      this.#probesAnswered += 1
      if (this.#probesAnswered >= this.#options.halfOpenMax) this.#become('closed')
    }
  }

  #open(): void {
    this.#openedAtMs = this.#now()
    this.#become('open')
  }

  #become(state: BreakerState): void {
    this.#state = state
    this.#period += 1
    this.#failuresInRow = 0
    this.#probesOut = 0
    this.#probesAnswered = 0
    this.#shared = { period: this.#period, isReported: false }
    this.#options.onChange?.(state)
  }
}
