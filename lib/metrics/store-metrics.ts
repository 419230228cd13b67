import { InvalidArgumentError } from '../errors/index.ts'
import { Counter, Gauge, Histogram, type MetricsRegistry } from './registry.ts'

const ITEM_BOUNDS = [1, 4, 16, 64, 256, 1024, 4096]
const SECOND_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

/** Every metric of a store: the one place for its name, its labels and what it means. */
const METRICS = {
  calls: () =>
    new Counter(
      'utxo_store_calls_total',
      'calls of the public API, by operation and outcome (ok or the error code)',
    ),
  batchItems: () =>
    new Histogram(
      'utxo_store_batch_items',
      'items of a batch, by batcher and reason of its dispatch',
      ITEM_BOUNDS,
    ),
  queueSeconds: () =>
    new Histogram(
      'utxo_store_queue_seconds',
      'wait of a batch’s first item for its dispatch, by batcher',
      SECOND_BOUNDS,
    ),
  batchSeconds: () =>
    new Histogram('utxo_store_batch_seconds', 'time of a dispatch, by batcher', SECOND_BOUNDS),
  refusedItems: () =>
    new Counter(
      'utxo_store_refused_items_total',
      'items refused because the queue was at its cap, by batcher',
    ),
  failedItems: () =>
    new Counter(
      'utxo_store_unanswered_items_total',
      'items that a handler left without an answer, by batcher',
    ),
  unwantedAnswers: () =>
    new Counter(
      'utxo_store_unwanted_answers_total',
      'answers for items that were answered or given up, by batcher',
    ),
  followUpFailures: () =>
    new Counter(
      'utxo_store_follow_up_failures_total',
      'follow-ups of signals that failed, by follow_up: increment, delete_at_height or creating',
    ),
  creationRepairs: () =>
    new Counter(
      'utxo_store_creation_repairs_total',
      'interrupted creations that were completed, by what was missing: records, or only the clearing of marks',
    ),
  overloadRetries: () =>
    new Counter(
      'utxo_store_overload_retried_rows_total',
      'rows sent again after a server refused them for load',
    ),
  breakerChanges: () =>
    new Counter(
      'utxo_store_spend_breaker_changes_total',
      'changes of the circuit breaker of spends, by the state that it came to',
    ),
  breakerRefusals: () =>
    new Counter('utxo_store_spend_breaker_refusals_total', 'inputs refused by the circuit breaker'),
  breakerOpen: () =>
    new Gauge(
      'utxo_store_spend_breaker_open',
      'the circuit breaker of spends: 0 closed, 0.5 half-open, 1 open; stores add up',
    ),
  queuedItems: () => new Gauge('utxo_store_queued_items', 'items queued, by batcher'),
  dispatchesInFlight: () => new Gauge('utxo_store_dispatches_in_flight', 'batches in flight, by batcher'),
  concurrencyLimit: () =>
    new Gauge('utxo_store_concurrency_limit', 'most batches in flight as of now, by batcher'),
  permitsFree: () => new Gauge('utxo_store_connection_permits_free', 'connections free for a batch'),
  permitsWaiting: () =>
    new Gauge('utxo_store_connection_permits_waiting', 'batches that wait for a connection'),
  rollbacks: () =>
    new Counter(
      'utxo_store_spend_rollbacks_total',
      'spends that failed in part, by what became of their successes',
    ),
} as const

/** The metrics that are read when they are scraped. */
export type GaugeName = {
  [Name in keyof typeof METRICS]: ReturnType<(typeof METRICS)[Name]> extends Gauge ? Name : never
}[keyof typeof METRICS]

export type StoreMetrics = { readonly [Name in keyof typeof METRICS]: ReturnType<(typeof METRICS)[Name]> }

/**
 * The metrics of a store, registered where a registry is given; stores that share one share the metrics.
 * Throws `INVALID_ARGUMENT` for a registry that is none.
 */
export function createMetrics(registry: MetricsRegistry | undefined): StoreMetrics {
  if (registry !== undefined && typeof registry?.registerMetric !== 'function') {
    throw new InvalidArgumentError('metrics', 'a prom-client Registry', registry)
  }
  const entries = Object.entries(METRICS).map(([name, create]) => {
    const metric = create()
    const known = registry?.getSingleMetric(metric.name)
    if (known instanceof Counter || known instanceof Gauge || known instanceof Histogram) return [name, known]
    registry?.registerMetric(metric as never)
    return [name, metric]
  })
  return Object.fromEntries(entries) as StoreMetrics
}
