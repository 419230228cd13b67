import { Counter, Histogram, TOPICS } from './registry.ts'
import { createMetrics, type StoreMetrics } from './store-metrics.ts'

type StoreMetric = StoreMetrics[keyof StoreMetrics]

/** Grafana's grid is 24 wide. */
const GRID_WIDTH = 24
const PANEL = { width: 8, height: 8 } as const
const STAT = { width: 4, height: 4 } as const

/** Restricts each query to what the dashboard's variable selects. */
const SELECTED = 'instance=~"$instance"'
// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own way to write a variable
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' } as const

interface Query {
  readonly expression: string
  readonly legend: string
}

interface Panel {
  readonly title: string
  readonly description: string
  readonly type: 'timeseries' | 'stat'
  /** Grafana's name of a unit. */
  readonly unit: 's' | 'ops' | 'short'
  readonly queries: readonly Query[]
}

/** The file docs/grafana-dashboard.json: a row for each topic, a panel for each metric. */
export function grafanaDashboard(): string {
  const metrics = createMetrics(undefined)
  const all: readonly StoreMetric[] = Object.values(metrics)
  const rows = TOPICS.map(topic => ({
    title: topic,
    panels: all.filter(metric => metric.topic === topic).map(panelOf),
  }))
  const dashboard = {
    title: 'UTXO store',
    uid: 'aerospike-utxo-store',
    description: 'Made from the metric definitions of aerospike-utxo-store.',
    tags: ['utxo-store', 'aerospike'],
    schemaVersion: 39,
    editable: true,
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    templating: { list: variables(metrics) },
    panels: laidOut([{ title: 'At a glance', panels: glance(metrics) }, ...rows]),
  }
  return `${JSON.stringify(dashboard, null, 2)}\n`
}

function variables({ calls }: StoreMetrics): object[] {
  return [
    { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
    {
      name: 'instance',
      label: 'Instance',
      type: 'query',
      datasource: DATASOURCE,
      query: { query: `label_values(${calls.name}, instance)`, refId: 'instance' },
      refresh: 2,
      includeAll: true,
      multi: true,
      current: { selected: true, text: 'All', value: '$__all' },
    },
  ]
}

/** The first look: does it work, how fast, and is anything held up? */
function glance(metrics: StoreMetrics): Panel[] {
  const { calls, callSeconds, breakerOpen, queuedItems, dispatchesInFlight } = metrics
  const stat = (title: string, unit: Panel['unit'], description: string, expression: string): Panel => ({
    title,
    description,
    type: 'stat',
    unit,
    queries: [{ expression, legend: '' }],
  })
  const failed = `${calls.name}{${SELECTED},outcome=~"SERVICE_UNAVAILABLE|STORAGE_.*|UNKNOWN"}`
  return [
    stat('Calls', 'ops', calls.help, `sum(${rate(calls.name)})`),
    stat(
      'Calls without a verdict',
      'ops',
      'Calls that ended because the cluster or the process could not answer: their outcome is unknown.',
      `sum(rate(${failed}[$__rate_interval])) or vector(0)`,
    ),
    stat('Slowest 1 % of calls', 's', callSeconds.help, quantile(callSeconds.name, 0.99, [])),
    stat('Items queued', 'short', queuedItems.help, `sum(${queuedItems.name}{${SELECTED}})`),
    stat(
      'Batches in flight',
      'short',
      dispatchesInFlight.help,
      `sum(${dispatchesInFlight.name}{${SELECTED}})`,
    ),
    stat('Circuit breaker', 'short', breakerOpen.help, `max(${breakerOpen.name}{${SELECTED}})`),
  ]
}

function panelOf(metric: StoreMetric): Panel {
  const [first = ''] = metric.help.split(', by ')
  const title = `${first.charAt(0).toUpperCase()}${first.slice(1)}`
  const description = `${metric.name}: ${metric.help}`
  return { title, description, type: 'timeseries', ...queriesOf(metric) }
}

/** Counts as rates, sizes as means, times as quantiles, states as they are: each by the metric's labels. */
function queriesOf(metric: StoreMetric): Pick<Panel, 'unit' | 'queries'> {
  const labels = Object.keys(metric.labels)
  const legend = labels.map(label => `{{${label}}}`).join(' ')
  const by = labels.length === 0 ? '' : ` by (${labels.join(', ')}) `
  const { name } = metric
  if (metric instanceof Counter)
    return { unit: 'ops', queries: [{ expression: `sum${by}(${rate(name)})`, legend }] }
  if (!(metric instanceof Histogram))
    return { unit: 'short', queries: [{ expression: `sum${by}(${name}{${SELECTED}})`, legend }] }
  if (metric.unit !== 'seconds') {
    const mean = `sum${by}(${rate(`${name}_sum`)}) / sum${by}(${rate(`${name}_count`)})`
    return { unit: 'short', queries: [{ expression: mean, legend }] }
  }
  const quantiles = [0.5, 0.99].map(share => ({
    expression: quantile(name, share, labels),
    legend: `${legend} p${share * 100}`.trim(),
  }))
  return { unit: 's', queries: quantiles }
}

function rate(name: string): string {
  return `rate(${name}{${SELECTED}}[$__rate_interval])`
}

function quantile(name: string, share: number, labels: readonly string[]): string {
  return `histogram_quantile(${share}, sum by (${['le', ...labels].join(', ')}) (${rate(`${name}_bucket`)}))`
}

interface Row {
  readonly title: string
  readonly panels: readonly Panel[]
}

function laidOut(rows: readonly Row[]): object[] {
  const placed: object[] = []
  let y = 0
  for (const { title, panels } of rows) {
    placed.push({
      id: placed.length + 1,
      type: 'row',
      title,
      collapsed: false,
      gridPos: { x: 0, y, w: GRID_WIDTH, h: 1 },
      panels: [],
    })
    y += 1
    const { width, height } = panels[0]?.type === 'stat' ? STAT : PANEL
    const perLine = GRID_WIDTH / width
    for (const [index, panel] of panels.entries()) {
      const x = (index % perLine) * width
      const gridPos = { x, y: y + Math.floor(index / perLine) * height, w: width, h: height }
      placed.push({ id: placed.length + 1, ...panelJson(panel), gridPos })
    }
    y += Math.ceil(panels.length / perLine) * height
  }
  return placed
}

function panelJson({ title, description, type, unit, queries }: Panel): object {
  return {
    type,
    title,
    description,
    datasource: DATASOURCE,
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    options: type === 'stat' ? { reduceOptions: { calcs: ['lastNotNull'] } } : { tooltip: { mode: 'multi' } },
    targets: queries.map(({ expression, legend }, index) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + index),
      datasource: DATASOURCE,
      expr: expression,
      legendFormat: legend,
    })),
  }
}
