import { describe, expect, it } from '@jest/globals'
import { LatencyHistogram } from '../../lib/embedded/latency-histogram.ts'

const NONE_ABOVE = new Array(17).fill(0)

describe('LatencyHistogram', () => {
  it('knows nothing until something was recorded', () => {
    expect(new LatencyHistogram().summary(5)).toBeUndefined()
  })

  it('tells of the slice that is over, not of the one that runs', () => {
    const histogram = new LatencyHistogram()
    for (let at = 0; at < 50; at++) histogram.record(at, 0.1)
    expect(histogram.summary(9_999)).toEqual({ perSecond: 0, percentAbove: NONE_ABOVE })
    expect(histogram.summary(10_000)).toEqual({ perSecond: 5, percentAbove: NONE_ABOVE })
    expect(histogram.summary(20_000)).toEqual({ perSecond: 0, percentAbove: NONE_ABOVE })
  })

  it('forgets a slice when time passed without operations', () => {
    const histogram = new LatencyHistogram()
    histogram.record(0, 1)
    histogram.record(25_000, 1)
    expect(histogram.summary(29_999)?.perSecond).toBe(0)
    expect(histogram.summary(30_000)?.perSecond).toBe(0.1)
  })

  it.each([
    [1, []],
    [1.01, [100]],
    [2, [100]],
    [2.5, [100, 100]],
    [65_536, new Array(16).fill(100)],
    [70_000, new Array(17).fill(100)],
  ])('an operation of %d ms is above the thresholds below it', (durationMs, above) => {
    const histogram = new LatencyHistogram()
    histogram.record(0, durationMs)
    expect(histogram.summary(10_000)?.percentAbove).toEqual([...above, ...NONE_ABOVE].slice(0, 17))
  })

  it('gives percentages', () => {
    const histogram = new LatencyHistogram()
    for (const durationMs of [0.5, 0.5, 1.5, 3]) histogram.record(0, durationMs)
    expect(histogram.summary(10_000)?.percentAbove.slice(0, 3)).toEqual([50, 25, 0])
  })
})
