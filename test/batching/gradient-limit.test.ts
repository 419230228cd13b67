import { describe, expect, it } from '@jest/globals'
import { fixedLimit, GradientLimit } from '../../lib/batching/index.ts'
import { latencyMs, type ModelOptions, simulate, throughput } from './model-server.ts'

const LIMIT_MAX = 64
const FIXED = [1, 2, 4, 8, 16, 32, 64]

const adaptive = (): GradientLimit => new GradientLimit({ limitMax: LIMIT_MAX })
const steady = (capacity: number, serviceMs: number, jitter: number): Omit<ModelOptions, 'limit'> => ({
  capacity,
  serviceMs: () => serviceMs,
  jitter,
  // About 6,000 requests, whatever the server.
  durationMs: (6_000 * serviceMs) / capacity,
})

describe('on a healthy server', () => {
  const servers = [
    [1, 20],
    [2, 5],
    [4, 5],
    [16, 2],
    [48, 10],
    [64, 5],
  ].flatMap(([capacity = 0, serviceMs = 0]) =>
    [0.1, 0.9].map(jitter => [capacity, serviceMs, jitter] as const),
  )

  it.each(servers)(
    'of capacity %d, %d ms ± %d, it does at least 90 %% of the best fixed limit',
    (...server) => {
      const model = steady(...server)
      const done = (limit: ModelOptions['limit']) =>
        throughput(simulate({ ...model, limit }), model.durationMs / 4, model.durationMs)
      const best = Math.max(...FIXED.map(limit => done(fixedLimit(limit))))
      expect(done(adaptive()) / best).toBeGreaterThan(0.9)
    },
  )

  it.each([1, 2, 4, 8])('of capacity %d it keeps p99 far below that of the largest fixed limit', capacity => {
    const model = steady(capacity, 5, 0.3)
    const p99 = (limit: ModelOptions['limit']) =>
      latencyMs(simulate({ ...model, limit }), 0.99, model.durationMs / 4, model.durationMs)
    expect(p99(adaptive())).toBeLessThan(p99(fixedLimit(LIMIT_MAX)) / 2)
  })
})

describe('on a server that is ten times as slow for a while', () => {
  it.each([1, 4, 16, 64])('of capacity %d p99 and throughput hold meanwhile, and it recovers', capacity => {
    const run = simulate({
      limit: adaptive(),
      capacity,
      serviceMs: nowMs => (nowMs >= 2_000 && nowMs < 12_000 ? 50 : 5),
      jitter: 0.3,
      durationMs: 20_000,
    })
    // 64 in flight in a server of capacity n would take 64 / n times the service time.
    expect(latencyMs(run, 0.99, 5_000, 12_000)).toBeLessThan(50 * Math.max(4, 32 / capacity))
    expect(throughput(run, 5_000, 12_000)).toBeGreaterThan(0.9 * capacity * 20)
    expect(throughput(run, 15_000, 20_000)).toBeGreaterThan(0.9 * capacity * 200)
  })
})

it('a server that is three times as slow for good is used to the full again, once that is measured', () => {
  const run = simulate({
    limit: adaptive(),
    capacity: 32,
    serviceMs: nowMs => (nowMs < 1_000 ? 5 : 15),
    jitter: 0.3,
    durationMs: 30_000,
  })
  expect(throughput(run, 20_000, 30_000)).toBeGreaterThan((0.9 * 32 * 1_000) / 15)
})

describe('drops', () => {
  it('a server that answers nothing in time takes it down to 1, and it grows again when that is over', () => {
    const limit = adaptive()
    const { limits } = simulate({
      limit,
      capacity: 16,
      serviceMs: nowMs => (nowMs >= 2_000 && nowMs < 12_000 ? 1_000 : 5),
      timeoutMs: 500,
      durationMs: 16_000,
    })
    const during = limits.filter(({ atMs }) => atMs >= 9_000 && atMs < 12_000).map(each => each.limit)
    expect(Math.max(...during)).toBeLessThanOrEqual(4)
    expect(limit.limit).toBeGreaterThanOrEqual(16)
  })

  it('count once for what was in flight together', () => {
    const limit = new GradientLimit({ limitMax: LIMIT_MAX, limitInitial: 20 })
    const inFlight = Array.from({ length: 20 }, () => limit.begin())
    for (const finish of inFlight) finish({ durationMs: 1, isFull: true, isDropped: true })
    expect(limit.limit).toBe(10)
    limit.begin()({ durationMs: 1, isFull: false, isDropped: true })
    expect(limit.limit).toBe(5)
  })

  it('never take it below 1', () => {
    const limit = adaptive()
    for (let i = 0; i < 100; i++) limit.begin()({ durationMs: 1, isFull: true, isDropped: true })
    expect(limit.limit).toBe(1)
    for (let i = 0; i < 100; i++) limit.begin()({ durationMs: 1, isFull: true, isDropped: false })
    expect(limit.limit).toBeGreaterThan(1)
  })
})

describe('what does not grow it', () => {
  it('a pool that does not use it', () => {
    const limit = adaptive()
    for (let i = 0; i < 10_000; i++) limit.begin()({ durationMs: 1, isFull: true, isDropped: false })
    expect(limit.limit).toBe(8)
  })

  it('batches that were not full: their durations do not compare', () => {
    const limit = adaptive()
    simulate({ limit, capacity: 16, serviceMs: () => 5, durationMs: 5_000, load: 0.9 })
    expect(limit.limit).toBe(8)
  })

  it.each([
    [1, 1],
    [5, 5],
    [64, 64],
    [Number.POSITIVE_INFINITY, 100],
  ])('its maximum of %d', (limitMax, reached) => {
    const limit = new GradientLimit({ limitMax })
    simulate({ limit, capacity: 1_000, serviceMs: () => 5, durationMs: 1_000 })
    if (Number.isFinite(limitMax)) expect(limit.limit).toBe(reached)
    else expect(limit.limit).toBeGreaterThan(reached)
  })
})
