import type { Readings } from './exposition.ts'

/** Two readings of the same endpoint, one after the other: what happened in between. */
export interface Interval {
  readonly before: Readings
  readonly after: Readings
  readonly seconds: number
}

/** Adds up a gauge, or the part of it that has a label's value. */
export function total(readings: Readings, name: string, label?: string, value?: string): number {
  let sum = 0
  for (const reading of readings.get(name) ?? [])
    if (label === undefined || reading.labels.get(label) === value) sum += reading.value
  return sum
}

/** The values of a label, in the order of the alphabet. */
export function valuesOf(readings: Readings, name: string, label: string): string[] {
  const values = (readings.get(name) ?? []).map(({ labels }) => labels.get(label) ?? '')
  return [...new Set(values)].sort()
}

/** By how much a counter grew. A process that began again counts from 0. */
export function growth(interval: Interval, name: string, label?: string, value?: string): number {
  const before = total(interval.before, name, label, value)
  const after = total(interval.after, name, label, value)
  return after < before ? after : after - before
}

export interface Distribution {
  readonly count: number
  readonly mean: number | null
  readonly p50: number | null
  readonly p99: number | null
}

/**
 * What a histogram saw in the interval, by one value of a label. Quantiles are interpolated inside their bucket,
 * as Prometheus does; one beyond the last bound is that bound.
 */
export function distribution(interval: Interval, name: string, label: string, value: string): Distribution {
  const count = growth(interval, `${name}_count`, label, value)
  if (count === 0) return { count, mean: null, p50: null, p99: null }
  const buckets = bucketsOf(interval, name, label, value)
  return {
    count,
    mean: growth(interval, `${name}_sum`, label, value) / count,
    p50: quantile(buckets, 0.5),
    p99: quantile(buckets, 0.99),
  }
}

interface Bucket {
  readonly bound: number
  /** Observations up to the bound. */
  readonly cumulated: number
}

function bucketsOf({ before, after }: Interval, name: string, label: string, value: string): Bucket[] {
  const earlier = cumulatedByBound(before, name, label, value)
  const later = cumulatedByBound(after, name, label, value)
  const everything = Number.POSITIVE_INFINITY
  const hasBegunAgain = (later.get(everything) ?? 0) < (earlier.get(everything) ?? 0)
  return [...later]
    .map(([bound, cumulated]) => ({
      bound,
      cumulated: hasBegunAgain ? cumulated : cumulated - (earlier.get(bound) ?? 0),
    }))
    .sort((a, b) => a.bound - b.bound)
}

function cumulatedByBound(
  readings: Readings,
  name: string,
  label: string,
  value: string,
): Map<number, number> {
  const counts = new Map<number, number>()
  for (const { labels, value: count } of readings.get(`${name}_bucket`) ?? []) {
    if (labels.get(label) !== value) continue
    const le = labels.get('le')
    const bound = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le)
    counts.set(bound, (counts.get(bound) ?? 0) + count)
  }
  return counts
}

function quantile(buckets: readonly Bucket[], share: number): number | null {
  const rank = share * (buckets.at(-1)?.cumulated ?? 0)
  let lower: Bucket = { bound: 0, cumulated: 0 }
  for (const bucket of buckets) {
    if (bucket.cumulated >= rank && bucket.cumulated > lower.cumulated) {
      if (bucket.bound === Number.POSITIVE_INFINITY) return lower.bound
      const within = (rank - lower.cumulated) / (bucket.cumulated - lower.cumulated)
      return lower.bound + (bucket.bound - lower.bound) * within
    }
    lower = bucket
  }
  return null
}
