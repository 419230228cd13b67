import type { ConcurrencyLimit, DispatchOutcome } from './concurrency-limit.ts'

export interface GradientLimitOptions {
  /** The limit never exceeds this. */
  limitMax: number
  limitInitial?: number
}

const LIMIT_INITIAL = 8
/** At this limit or below nothing queues in any server worth naming: what is measured there is the bare latency. */
const PROBE_LIMIT = 4
/** Latency may grow to this multiple of the bare one before the limit shrinks. */
const TOLERANCE = 2
/** The most that one window may take away. */
const GRADIENT_MIN = 0.5
const DROP_FACTOR = 0.5
/** Windows from one measurement of the bare latency to the next. */
const PROBE_WINDOWS = 400
const WINDOW_SAMPLES_MIN = 16

/**
 * Follows the server's latency: a port of the gradient algorithm of Netflix's concurrency-limits library
 * (`GradientLimit`, Apache-2.0; "Performance Under Load", 2018). After each window of samples
 *
 *     gradient = clamp(0.5, 1, tolerance × bare latency / latency of the window)
 *     limit    = limit × gradient + √limit
 *
 * so that the limit grows while latency is near the bare one, and settles where a small queue stands in the
 * server. A drop (a timeout, a refusal for load) takes a share away at once, but once for each round: what was
 * in flight before the cut says nothing about the limit after it.
 *
 * Differences, each for a reason:
 * - Only full batches are samples. A dispatch takes longer the more items it has, so durations of different
 *   sizes do not compare; and a batch that left before it was full shows that nothing was waiting.
 * - The bare latency is the average of a window at a small limit, not the least ever seen: the least of noisy
 *   samples lies far below what a healthy server gives, and would starve the limit. Every 400 windows the limit
 *   is lowered for one window to measure it anew; so it also follows a server that has become slower for good.
 * - Windows that did not use the limit (half of it at the most) change nothing: an idle pool does not grow it.
 */
export class GradientLimit implements ConcurrencyLimit {
  readonly #limitMax: number
  #estimate: number
  /** Average latency in milliseconds without a queue, as last measured; undefined until it was. */
  #bareMs: number | undefined
  /** Dispatches that began under an earlier round do not count as drops or samples of this one. */
  #round = 0
  #windows = 0
  #resumeAt: number | undefined
  #inFlight = 0
  #samples = 0
  #sumMs = 0
  #inFlightMax = 0

  constructor({ limitMax, limitInitial = LIMIT_INITIAL }: GradientLimitOptions) {
    this.#limitMax = Math.max(1, limitMax)
    this.#estimate = this.#clamped(limitInitial)
  }

  get limit(): number {
    return Math.floor(this.#estimate)
  }

  begin(): (outcome: DispatchOutcome) => void {
    const round = this.#round
    this.#inFlight += 1
    const inFlight = this.#inFlight
    return outcome => {
      this.#inFlight -= 1
      if (round !== this.#round) return
      if (outcome.isDropped) this.#onDrop()
      else if (outcome.isFull) this.#onSample(outcome.durationMs, inFlight)
    }
  }

  #onDrop(): void {
    this.#resumeAt = undefined
    this.#beginRound(this.#estimate * DROP_FACTOR)
  }

  #onSample(durationMs: number, inFlight: number): void {
    this.#samples += 1
    this.#sumMs += durationMs
    this.#inFlightMax = Math.max(this.#inFlightMax, inFlight)
    if (this.#samples < Math.max(WINDOW_SAMPLES_MIN, this.limit)) return
    this.#endWindow(this.#sumMs / this.#samples)
  }

  #endWindow(averageMs: number): void {
    const wasUsed = this.#inFlightMax * 2 > this.limit
    this.#clearWindow()
    if (this.limit <= PROBE_LIMIT || this.#bareMs === undefined) this.#bareMs = averageMs
    else this.#bareMs = Math.min(this.#bareMs, averageMs)
    if (this.#resumeAt !== undefined) {
      const resumed = this.#resumeAt
      this.#resumeAt = undefined
      this.#beginRound(resumed)
      return
    }
    if (!wasUsed) return
    this.#windows += 1
    if (this.#windows % PROBE_WINDOWS === 0 && this.limit > PROBE_LIMIT) {
      this.#resumeAt = this.#estimate
      this.#beginRound(PROBE_LIMIT)
      return
    }
    const gradient = Math.max(GRADIENT_MIN, Math.min(1, (TOLERANCE * this.#bareMs) / averageMs))
    this.#estimate = this.#clamped(this.#estimate * gradient + Math.sqrt(this.#estimate))
  }

  #beginRound(estimate: number): void {
    this.#round += 1
    this.#estimate = this.#clamped(estimate)
    this.#clearWindow()
  }

  #clearWindow(): void {
    this.#samples = 0
    this.#sumMs = 0
    this.#inFlightMax = 0
  }

  #clamped(estimate: number): number {
    return Math.max(1, Math.min(this.#limitMax, estimate))
  }
}
