import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  latencyOf,
  latencyOverRounds,
  median,
  percentile,
  slope,
  spread,
} from '../../../lib/cli/bench/statistics.ts'

describe('percentile', () => {
  it.each([
    [0.5, 50],
    [0.9, 90],
    [0.99, 99],
    [0.991, 100],
    [1, 100],
    [0, 1],
  ])('of 1 to 100 the share %d is %d', (share, expected) => {
    const sorted = Array.from({ length: 100 }, (_, index) => index + 1)
    expect(percentile(sorted, share)).toBe(expected)
  })

  it('is a value that at least the share of all values does not exceed, and the least such', () => {
    const values = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (unsorted, share) => {
        const sorted = unsorted.toSorted((a, b) => a - b)
        const value = percentile(sorted, share)
        const within = (limit: number): number => sorted.filter(each => each <= limit).length
        expect(within(value)).toBeGreaterThanOrEqual(sorted.length * share)
        const lower = sorted.filter(each => each < value).at(-1)
        if (lower !== undefined) expect(within(lower)).toBeLessThan(sorted.length * share)
      }),
    )
  })

  it('of nothing is no number', () => {
    expect(percentile([], 0.5)).toBeNaN()
  })
})

it('latencies are sorted as numbers, and their order stays as it was', () => {
  const latenciesMs = Float64Array.of(100, 9, 20, 1)
  expect(latencyOf(latenciesMs)).toEqual({ p50: 9, p90: 100, p99: 100, max: 100 })
  expect([...latenciesMs]).toEqual([100, 9, 20, 1])
})

it('over rounds a percentile is the middle one, and the largest latency is of all', () => {
  const round = (p50: number, max: number) => ({ p50, p90: p50, p99: p50, max })
  expect(latencyOverRounds([round(3, 10), round(1, 40), round(2, 20)])).toEqual({
    p50: 2,
    p90: 2,
    p99: 2,
    max: 40,
  })
})

it.each([
  [[3, 1, 2], 2],
  [[10, 9], 9.5],
  [[100, 20, 3, 1], 11.5],
  [[7], 7],
])('the median of %j is %d', (values, expected) => {
  expect(median(values)).toBe(expected)
})

it('a spread holds the middle, the least and the largest', () => {
  expect(spread([5, 1, 9])).toEqual({ median: 5, min: 1, max: 9 })
})

describe('slope', () => {
  it('is that of points on a line, wherever the line lies', () => {
    const numbers = fc.integer({ min: -1000, max: 1000 })
    fc.assert(
      fc.property(numbers, numbers, (rise, start) => {
        const points = [0, 1, 5, 9].map(x => ({ x, y: start + rise * x }))
        expect(slope(points)).toBeCloseTo(rise, 6)
      }),
    )
  })

  it('goes between points that scatter', () => {
    expect(slope([0, 1, 2, 3].map(x => ({ x, y: x % 2 })))).toBeCloseTo(0.2)
  })

  it.each([
    [[]],
    [
      [
        { x: 1, y: 1 },
        { x: 2, y: 5 },
      ],
    ],
    [[1, 2, 3].map(y => ({ x: 4, y }))],
  ])('is null where no line is determined: %j', points => {
    expect(slope(points)).toBeNull()
  })
})
