import { describe, expect, it } from '@jest/globals'
import prometheus from 'prom-client'
import { parseExposition } from '../../../lib/cli/watch/exposition.ts'
import { type Sample, takeSample, WATCHED } from '../../../lib/cli/watch/sample.ts'
import { createMetrics } from '../../../lib/metrics/index.ts'

const TIME = new Date('2026-01-02T03:04:05Z')

function sampleOf(before: string, after: string, seconds = 1): Sample {
  return takeSample({ before: parseExposition(before), after: parseExposition(after), seconds }, TIME)
}

it('watches metrics that the store has', () => {
  const names = Object.values(createMetrics(undefined)).map(({ name }) => name)
  expect(Object.values(WATCHED).filter(name => !names.includes(name))).toEqual([])
})

describe('takeSample', () => {
  it('turns two pages of a store’s own metrics into rates, times and states', async () => {
    const registry = new prometheus.Registry()
    const metrics = createMetrics(registry)
    metrics.calls.increment({ operation: 'get', outcome: 'ok' }, 100)
    metrics.calls.increment({ operation: 'spend', outcome: 'UTXO_ERROR' }, 7)
    metrics.queuedItems.addSource({ batcher: 'get' }, () => 12)
    metrics.dispatchesInFlight.addSource({ batcher: 'get' }, () => 3)
    metrics.concurrencyLimit.addSource({ batcher: 'get' }, () => Number.POSITIVE_INFINITY)
    metrics.permitsFree.addSource({}, () => 120)
    metrics.permitsWaiting.addSource({}, () => 4)
    metrics.breakerOpen.addSource({}, () => 0.5)
    const before = await registry.metrics()
    metrics.calls.increment({ operation: 'get', outcome: 'ok' }, 30)
    metrics.calls.increment({ operation: 'get', outcome: 'TX_NOT_FOUND' }, 10)
    for (let call = 0; call < 40; call += 1) metrics.callSeconds.observe({ operation: 'get' }, 0.004)
    metrics.batchItems.observe({ batcher: 'get', reason: 'size' }, 30)
    metrics.batchItems.observe({ batcher: 'get', reason: 'linger' }, 10)
    metrics.refusedItems.increment({ batcher: 'get' }, 6)
    const sample = sampleOf(before, await registry.metrics(), 2)
    expect(sample).toMatchObject({
      time: '2026-01-02T03:04:05.000Z',
      callsPerSecond: 20,
      errorsPerSecond: 5,
      operations: [
        { operation: 'get', callsPerSecond: 20, errorsPerSecond: 5 },
        { operation: 'spend', callsPerSecond: 0, errorsPerSecond: 0, meanMs: null, p50Ms: null, p99Ms: null },
      ],
      batchers: [
        { batcher: 'get', queued: 12, inFlight: 3, limit: null, batchesPerSecond: 1, itemsPerBatch: 20 },
      ],
      connections: { free: 120, waiting: 4 },
      breaker: { state: 'half-open' },
      troublePerSecond: { refusedItems: 3, rollbacks: 0 },
      errors: [
        { operation: 'get', code: 'TX_NOT_FOUND', perSecond: 5, total: 10 },
        { operation: 'spend', code: 'UTXO_ERROR', perSecond: 0, total: 7 },
      ],
    })
    expect(sample.operations[0]?.meanMs).toBeCloseTo(4)
    // All in the bucket from 2.5 to 5 ms: half of the way, and nearly the whole.
    expect(sample.operations[0]?.p50Ms).toBeCloseTo(3.75)
    expect(sample.operations[0]?.p99Ms).toBeCloseTo(4.975)
  })

  it('lists what is called now first, and among that keeps the order from sample to sample', () => {
    const page = (get: number, spend: number, create: number): string =>
      Object.entries({ get, spend, create })
        .map(([operation, calls]) => `${WATCHED.calls}{operation="${operation}",outcome="ok"} ${calls}`)
        .join('\n')
    const order = (before: string, after: string): string[] =>
      sampleOf(before, after).operations.map(({ operation }) => operation)
    expect(order(page(500, 100, 900), page(510, 130, 900))).toEqual(['get', 'spend', 'create'])
    expect(order(page(510, 130, 900), page(540, 140, 900))).toEqual(['get', 'spend', 'create'])
  })

  it('counts from 0 after the process began again, without a negative rate', () => {
    const page = (calls: number): string =>
      [
        `${WATCHED.calls}{operation="get",outcome="ok"} ${calls}`,
        `${WATCHED.calls}{operation="get",outcome="TX_LOCKED"} ${calls}`,
        `${WATCHED.callSeconds}_bucket{operation="get",le="1"} ${calls}`,
        `${WATCHED.callSeconds}_bucket{operation="get",le="+Inf"} ${calls}`,
        `${WATCHED.callSeconds}_sum{operation="get"} ${calls}`,
        `${WATCHED.callSeconds}_count{operation="get"} ${calls}`,
      ].join('\n')
    const [operation] = sampleOf(page(1000), page(20)).operations
    expect(operation).toMatchObject({ callsPerSecond: 40, errorsPerSecond: 20, meanMs: 1000, p50Ms: 500 })
  })

  it('says of times beyond the last bucket that they are at least its bound', () => {
    const page = [
      `${WATCHED.calls}{operation="get",outcome="ok"} 1`,
      `${WATCHED.callSeconds}_bucket{operation="get",le="10"} 0`,
      `${WATCHED.callSeconds}_bucket{operation="get",le="+Inf"} 1`,
      `${WATCHED.callSeconds}_sum{operation="get"} 30`,
      `${WATCHED.callSeconds}_count{operation="get"} 1`,
    ].join('\n')
    expect(sampleOf('', page).operations[0]).toMatchObject({ p99Ms: 10_000, meanMs: 30_000 })
  })
})
