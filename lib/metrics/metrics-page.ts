import { Histogram, TOPICS } from './registry.ts'
import { createMetrics, type StoreMetrics } from './store-metrics.ts'

type StoreMetric = StoreMetrics[keyof StoreMetrics]

/** What to be woken for, and why. The names are the metrics' own, so that a renamed one fails the build. */
function alarms({ calls, breakerOpen, failedItems, followUpFailures, rollbacks, queuedItems }: StoreMetrics) {
  const rate = (selector: string): string => `sum(rate(${selector}[5m]))`
  return [
    [
      `${rate(`${calls.name}{outcome=~"SERVICE_UNAVAILABLE|STORAGE_.*"}`)} > 0`,
      'calls end without a verdict: the cluster or this process cannot keep up',
    ],
    [`max(${breakerOpen.name}) > 0`, 'spends are being refused, or are on trial after they were'],
    [
      `${rate(failedItems.name)} > 0`,
      'a handler failed or was lost: the callers got an error, the log says which',
    ],
    [
      `${rate(followUpFailures.name)} > 0`,
      'counts of spent pages or delete-at-heights may be wrong; the log names the transactions',
    ],
    [
      `${rate(`${rollbacks.name}{outcome="indeterminate"}`)} > 0`,
      'a failed spend could not be undone: outputs may stay held by a transaction that has no record',
    ],
    [
      `sum by (batcher) (${queuedItems.name}) > 4096`,
      'half of the queue of the default settings: callers wait, and soon are refused',
    ],
  ] as const
}

/** The page docs/metrics.md, made from the metrics themselves. */
export function metricsPage(): string {
  const metrics = createMetrics(undefined)
  const all: readonly StoreMetric[] = Object.values(metrics)
  return [
    '# Metrics',
    '',
    'Given a prom-client Registry as `UtxoStore.open(url, { metrics: registry })`, a store registers all of these in it.',
    'Stores that share a registry share the metrics: counts and gauges add up. A label appears once it has a value; counters of',
    'what goes wrong are 0 from the start, so that a rate sees their first event.',
    '[grafana-dashboard.json](grafana-dashboard.json) shows all of them; `utxo-store watch URL` shows the chief ones in a',
    'terminal.',
    '',
    'This page and the dashboard are made from the definitions by `npm run build && node scripts/metrics-page.js`.',
    ...TOPICS.flatMap(topic => section(topic, all)),
    '',
    '## What to be woken for',
    '',
    '| when | because |',
    '|---|---|',
    ...alarms(metrics).map(([when, because]) => `| \`${when.replaceAll('|', '\\|')}\` | ${because} |`),
    '',
  ].join('\n')
}

function section(topic: string, metrics: readonly StoreMetric[]): string[] {
  return [
    '',
    `## ${topic}`,
    '',
    '| name | kind, unit | labels | meaning |',
    '|---|---|---|---|',
    ...metrics.filter(metric => metric.topic === topic).map(row),
  ]
}

function row(metric: StoreMetric): string {
  const labels = Object.entries(metric.labels).map(([label, values]) => `\`${label}\`: ${values}`)
  const buckets = metric instanceof Histogram ? `; buckets up to ${metric.bounds.join(', ')}` : ''
  return `| \`${metric.name}\` | ${metric.type}, ${metric.unit} | ${labels.join('; ')} | ${metric.help}${buckets} |`
}
