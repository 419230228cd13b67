/** The last slice of time that is over is what is told: as the ticker interval of a server. */
const SLICE_MS = 10_000
/** Thresholds are 1, 2, 4 … 65,536 ms. */
const THRESHOLDS = 17

export interface LatencySummary {
  readonly perSecond: number
  /** For each threshold, 1 ms doubling up to 65,536 ms: the percentage of operations that took longer. */
  readonly percentAbove: readonly number[]
}

/** How long operations took, in doubling steps. Times are milliseconds of one clock that never goes back. */
export class LatencyHistogram {
  /** Operations of this slice: at most 1 ms, at most 2 ms … more than the last threshold. */
  #counts = new Uint32Array(THRESHOLDS + 1)
  #sliceStartMs: number | undefined
  #last: Uint32Array | undefined

  record(nowMs: number, durationMs: number): void {
    this.#advance(nowMs)
    let step = 0
    for (let limitMs = 1; step < THRESHOLDS && durationMs > limitMs; limitMs *= 2) step++
    this.#counts[step] = (this.#counts[step] ?? 0) + 1
  }

  /** Undefined until anything was recorded. */
  summary(nowMs: number): LatencySummary | undefined {
    if (this.#sliceStartMs === undefined) return undefined
    this.#advance(nowMs)
    const counts = [...(this.#last ?? [])]
    const total = counts.reduce((sum, count) => sum + count, 0)
    let above = total
    const percentAbove = Array.from({ length: THRESHOLDS }, (_, step) => {
      above -= counts[step] ?? 0
      return total === 0 ? 0 : (100 * above) / total
    })
    return { perSecond: (1000 * total) / SLICE_MS, percentAbove }
  }

  #advance(nowMs: number): void {
    this.#sliceStartMs ??= nowMs
    const slices = Math.floor((nowMs - this.#sliceStartMs) / SLICE_MS)
    if (slices === 0) return
    this.#last = slices === 1 ? this.#counts : undefined
    this.#counts = new Uint32Array(THRESHOLDS + 1)
    this.#sliceStartMs += slices * SLICE_MS
  }
}
