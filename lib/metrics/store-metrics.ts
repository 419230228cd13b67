import { InvalidArgumentError } from '../errors/index.ts'
import { Counter, Histogram, type MetricsRegistry } from './registry.ts'

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
  rollbacks: () =>
    new Counter(
      'utxo_store_spend_rollbacks_total',
      'spends that failed in part, by what became of their successes',
    ),
} as const

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
    if (known instanceof Counter || known instanceof Histogram) return [name, known]
    registry?.registerMetric(metric as never)
    return [name, metric]
  })
  return Object.fromEntries(entries) as StoreMetrics
}
