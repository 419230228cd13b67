import type { LatencyMs, Spread } from './report.ts'

/**
 * The value that a share (0 to 1) of the values does not exceed, by the nearest rank: a value that was measured,
 * never one in between. `sorted` ascends; NaN where it is empty.
 */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  const rank = Math.ceil(sorted.length * share)
  return sorted[Math.max(1, rank) - 1] ?? Number.NaN
}

export function latencyOf(latenciesMs: Float64Array): LatencyMs {
  const sorted = latenciesMs.slice().sort()
  return {
    p50: percentile(sorted, 0.5),
    p90: percentile(sorted, 0.9),
    p99: percentile(sorted, 0.99),
    max: percentile(sorted, 1),
  }
}

/** The percentiles of the middle round, and the worst call of all rounds. */
export function latencyOverRounds(rounds: readonly LatencyMs[]): LatencyMs {
  return {
    p50: median(rounds.map(({ p50 }) => p50)),
    p90: median(rounds.map(({ p90 }) => p90)),
    p99: median(rounds.map(({ p99 }) => p99)),
    max: Math.max(...rounds.map(({ max }) => max)),
  }
}

/** Of an even number of values the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN
  return (lower + upper) / 2
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
}

/** The slope of the line with the least squared distances from the points; null where no line is determined. */
export function slope(points: readonly { readonly x: number; readonly y: number }[]): number | null {
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / points.length
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / points.length
  const variance = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0)
  if (points.length < 3 || variance === 0) return null
  return points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / variance
}
