import { InvalidArgumentError } from '../errors/index.ts'
import { Counter, Gauge, Histogram, type MetricsRegistry } from './registry.ts'

const ITEM_BOUNDS = [1, 4, 16, 64, 256, 1024, 4096]
/** One just above 100 ms, the default linger: it tells a lone call from one that waited for more than that. */
const SECOND_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.125, 0.25, 0.5, 1, 2.5, 10]

const BATCHERS = ['store', 'get', 'spend', 'outpoint', 'locked', 'increment', 'setDAH']
const BATCHER = 'store, get, spend, outpoint, locked, increment or setDAH'
/** What docs/metrics.md says of them is below, at the label. */
const ROLLBACK_OUTCOMES = [
  'fired',
  'reclaimed',
  'spender_exists',
  'acknowledged_before',
  'transient_lock',
  'transient_creating',
  'indeterminate',
]
const OPERATION = 'the name of the public method'

/**
 * Every metric of a store: the one place for its name, its labels and what it means. docs/metrics.md and
 * docs/grafana-dashboard.json are made from it by `node scripts/metrics-page.js`.
 */
const METRICS = {
  calls: () =>
    new Counter({
      name: 'utxo_store_calls_total',
      help: 'calls of the public API, by operation and outcome (ok or the error code)',
      topic: 'Calls',
      unit: 'calls',
      labels: { operation: OPERATION, outcome: 'ok, or the code of the error' },
    }),
  callSeconds: () =>
    new Histogram(
      {
        name: 'utxo_store_call_seconds',
        help: 'time until the work of a call had ended, by operation',
        topic: 'Calls',
        unit: 'seconds',
        labels: { operation: OPERATION },
      },
      SECOND_BOUNDS,
    ),
  batchItems: () =>
    new Histogram(
      {
        name: 'utxo_store_batch_items',
        help: 'items of a batch, by batcher and reason of its dispatch',
        topic: 'Batches',
        unit: 'items',
        labels: { batcher: BATCHER, reason: 'size (it was full), linger, drain, tick or close' },
      },
      ITEM_BOUNDS,
    ),
  queueSeconds: () =>
    new Histogram(
      {
        name: 'utxo_store_queue_seconds',
        help: 'wait of a batch’s first item for its dispatch, by batcher',
        topic: 'Batches',
        unit: 'seconds',
        labels: { batcher: BATCHER },
      },
      SECOND_BOUNDS,
    ),
  batchSeconds: () =>
    new Histogram(
      {
        name: 'utxo_store_batch_seconds',
        help: 'time of a dispatch, by batcher',
        topic: 'Batches',
        unit: 'seconds',
        labels: { batcher: BATCHER },
      },
      SECOND_BOUNDS,
    ),
  refusedItems: () =>
    new Counter({
      name: 'utxo_store_refused_items_total',
      help: 'items refused because the queue was at its cap, by batcher',
      topic: 'Load',
      unit: 'items',
      labels: { batcher: BATCHER },
      zeros: BATCHERS.map(batcher => ({ batcher })),
    }),
  failedItems: () =>
    new Counter({
      name: 'utxo_store_unanswered_items_total',
      help: 'items that a handler left without an answer, by batcher',
      topic: 'Batches',
      unit: 'items',
      labels: { batcher: BATCHER },
      zeros: BATCHERS.map(batcher => ({ batcher })),
    }),
  unwantedAnswers: () =>
    new Counter({
      name: 'utxo_store_unwanted_answers_total',
      help: 'answers for items that were answered or given up, by batcher',
      topic: 'Batches',
      unit: 'events',
      labels: { batcher: BATCHER },
      zeros: BATCHERS.map(batcher => ({ batcher })),
    }),
  followUpFailures: () =>
    new Counter({
      name: 'utxo_store_follow_up_failures_total',
      help: 'follow-ups of signals that failed, by follow_up: increment, delete_at_height or creating',
      topic: 'Repairs',
      unit: 'events',
      labels: {
        follow_up: 'increment (count of spent pages), delete_at_height or creating (clearing of marks)',
      },
      zeros: ['increment', 'delete_at_height', 'creating'].map(follow_up => ({ follow_up })),
    }),
  creationRepairs: () =>
    new Counter({
      name: 'utxo_store_creation_repairs_total',
      help: 'interrupted creations that were completed, by what was missing: records, or only the clearing of marks',
      topic: 'Repairs',
      unit: 'events',
      labels: { repaired: 'records or marks' },
      zeros: ['records', 'marks'].map(repaired => ({ repaired })),
    }),
  overloadRetries: () =>
    new Counter({
      name: 'utxo_store_overload_retried_rows_total',
      help: 'rows sent again after a server refused them for load',
      topic: 'Load',
      unit: 'rows',
      labels: {},
      zeros: [{}],
    }),
  breakerChanges: () =>
    new Counter({
      name: 'utxo_store_spend_breaker_changes_total',
      help: 'changes of the circuit breaker of spends, by the state that it came to',
      topic: 'Spends',
      unit: 'events',
      labels: { state: 'open, half-open or closed' },
      zeros: ['open', 'half-open', 'closed'].map(state => ({ state })),
    }),
  breakerRefusals: () =>
    new Counter({
      name: 'utxo_store_spend_breaker_refusals_total',
      help: 'inputs refused by the circuit breaker',
      topic: 'Spends',
      unit: 'inputs',
      labels: {},
      zeros: [{}],
    }),
  breakerOpen: () =>
    new Gauge({
      name: 'utxo_store_spend_breaker_open',
      help: 'the circuit breaker of spends: 0 closed, 0.5 half-open, 1 open; stores add up',
      topic: 'Spends',
      unit: 'state',
      labels: {},
    }),
  queuedItems: () =>
    new Gauge({
      name: 'utxo_store_queued_items',
      help: 'items queued, by batcher',
      topic: 'Load',
      unit: 'items',
      labels: { batcher: BATCHER },
    }),
  dispatchesInFlight: () =>
    new Gauge({
      name: 'utxo_store_dispatches_in_flight',
      help: 'batches in flight, by batcher',
      topic: 'Load',
      unit: 'batches',
      labels: { batcher: BATCHER },
    }),
  concurrencyLimit: () =>
    new Gauge({
      name: 'utxo_store_concurrency_limit',
      help: 'most batches in flight as of now, by batcher',
      topic: 'Load',
      unit: 'batches',
      labels: { batcher: BATCHER },
    }),
  permitsFree: () =>
    new Gauge({
      name: 'utxo_store_connection_permits_free',
      help: 'connections free for a batch',
      topic: 'Load',
      unit: 'connections',
      labels: {},
    }),
  permitsWaiting: () =>
    new Gauge({
      name: 'utxo_store_connection_permits_waiting',
      help: 'batches that wait for a connection',
      topic: 'Load',
      unit: 'batches',
      labels: {},
    }),
  rollbacks: () =>
    new Counter({
      name: 'utxo_store_spend_rollbacks_total',
      help: 'spends that failed in part, by what became of their successes',
      topic: 'Spends',
      unit: 'events',
      labels: {
        outcome:
          'fired (undone), reclaimed, spender_exists, acknowledged_before, transient_lock, transient_creating (kept), or indeterminate',
      },
      zeros: ROLLBACK_OUTCOMES.map(outcome => ({ outcome })),
    }),
} as const

export type StoreMetrics = { readonly [Name in keyof typeof METRICS]: ReturnType<(typeof METRICS)[Name]> }

/**
 * The metrics of a store, registered where a registry is given; stores that share one share the metrics.
 * Throws `INVALID_ARGUMENT` for a registry that is none.
 */
export function createMetrics(registry: MetricsRegistry | undefined): StoreMetrics {
  const isRegistry =
    typeof registry?.registerMetric === 'function' && typeof registry.getSingleMetric === 'function'
  if (registry !== undefined && !isRegistry)
    throw new InvalidArgumentError('metrics', 'a prom-client Registry', registry)
  const entries = Object.entries(METRICS).map(([name, create]) => {
    const metric = create()
    const known = registry?.getSingleMetric(metric.name)
    if (known instanceof Counter || known instanceof Gauge || known instanceof Histogram) return [name, known]
    registry?.registerMetric(metric as never)
    return [name, metric]
  })
  return Object.fromEntries(entries) as StoreMetrics
}
