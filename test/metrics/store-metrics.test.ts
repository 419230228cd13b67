import { describe, expect, it } from '@jest/globals'
import prometheus from 'prom-client'
import { createMetrics } from '../../lib/metrics/index.ts'
import { Counter } from '../../lib/metrics/registry.ts'

describe('createMetrics', () => {
  it('shows counters and histograms in a prom-client registry as prom-client’s own would', async () => {
    const registry = new prometheus.Registry()
    const metrics = createMetrics(registry)
    metrics.calls.increment({ operation: 'get', outcome: 'ok' })
    metrics.calls.increment({ operation: 'get', outcome: 'ok' })
    metrics.calls.increment({ operation: 'get', outcome: 'TX_NOT_FOUND' })
    for (const items of [1, 2, 5_000]) metrics.batchItems.observe({ batcher: 'get', reason: 'size' }, items)
    const own = new prometheus.Registry()
    const counter = new prometheus.Counter({
      name: 'utxo_store_calls_total',
      help: 'h',
      labelNames: ['operation', 'outcome'],
      registers: [own],
    })
    counter.inc({ operation: 'get', outcome: 'ok' }, 2)
    counter.inc({ operation: 'get', outcome: 'TX_NOT_FOUND' })
    const histogram = new prometheus.Histogram({
      name: 'utxo_store_batch_items',
      help: 'h',
      labelNames: ['batcher', 'reason'],
      buckets: [1, 4, 16, 64, 256, 1024, 4096],
      registers: [own],
    })
    for (const items of [1, 2, 5_000]) histogram.observe({ batcher: 'get', reason: 'size' }, items)
    const lines = (text: string): string[] =>
      text
        .split('\n')
        .filter(line => /^utxo_store_(calls_total|batch_items)/.test(line))
        .map(line =>
          line.replace(/\{(.*)\}/, (_, labels: string) => `{${labels.split(',').sort().join(',')}}`),
        )
        .sort()
    expect(lines(await registry.metrics())).toEqual(lines(await own.metrics()))
    expect(lines(await registry.metrics()).length).toBe(12)
  })

  it('counters of what goes wrong are 0 before their first event, so that a rate sees it', async () => {
    const registry = new prometheus.Registry()
    const metrics = createMetrics(registry)
    const text = await registry.metrics()
    const counters = Object.values(metrics).filter(
      metric => metric instanceof Counter && metric !== metrics.calls,
    )
    expect(counters.length).toBeGreaterThan(8)
    for (const { name, labels } of counters) {
      const series = text
        .split('\n')
        .filter(line => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      expect(series.length).toBeGreaterThan(0)
      expect(series.filter(line => !line.endsWith(' 0'))).toEqual([])
      // No value that the documents do not name.
      for (const [, label = '', value = ''] of series.join('\n').matchAll(/(\w+)="([^"]*)"/g))
        expect((labels as Record<string, string>)[label]).toMatch(new RegExp(`\\b${value}\\b`))
    }
    metrics.rollbacks.increment({ outcome: 'indeterminate' })
    expect(await registry.metrics()).toContain('utxo_store_spend_rollbacks_total{outcome="indeterminate"} 1')
  })

  it('stores that share a registry share their metrics', async () => {
    const registry = new prometheus.Registry()
    const [first, second] = [createMetrics(registry), createMetrics(registry)]
    first.rollbacks.increment({ outcome: 'fired' })
    second.rollbacks.increment({ outcome: 'fired' })
    expect(await registry.metrics()).toContain('utxo_store_spend_rollbacks_total{outcome="fired"} 2')
  })

  it('gauges show what their sources say when scraped, added up over the stores that share them', async () => {
    const registry = new prometheus.Registry()
    const [first, second] = [createMetrics(registry), createMetrics(registry)]
    let queued = 2
    const remove = first.queuedItems.addSource({ batcher: 'get' }, () => queued)
    second.queuedItems.addSource({ batcher: 'get' }, () => 5)
    second.queuedItems.addSource({ batcher: 'spend' }, () => 1)
    const shown = async (): Promise<string[]> =>
      (await registry.metrics())
        .split('\n')
        .filter(line => /queued_items[{ ]/.test(line))
        .sort()
    expect(await shown()).toEqual([
      '# HELP utxo_store_queued_items items queued, by batcher',
      '# TYPE utxo_store_queued_items gauge',
      'utxo_store_queued_items{batcher="get"} 7',
      'utxo_store_queued_items{batcher="spend"} 1',
    ])
    queued = 10
    expect(await shown()).toContain('utxo_store_queued_items{batcher="get"} 15')
    remove()
    expect(await shown()).toContain('utxo_store_queued_items{batcher="get"} 5')
  })

  it('works without a registry and refuses what is none', () => {
    expect(() => createMetrics(undefined).unwantedAnswers.increment({ batcher: 'get' })).not.toThrow()
    expect(() => createMetrics({} as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', field: 'metrics' }),
    )
  })
})
