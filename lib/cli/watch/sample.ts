import { type Distribution, distribution, growth, type Interval, total, valuesOf } from './series.ts'

/** The metrics that are watched (docs/metrics.md); a test holds them to the store's definitions. */
export const WATCHED = {
  calls: 'utxo_store_calls_total',
  callSeconds: 'utxo_store_call_seconds',
  batchItems: 'utxo_store_batch_items',
  queueSeconds: 'utxo_store_queue_seconds',
  batchSeconds: 'utxo_store_batch_seconds',
  queuedItems: 'utxo_store_queued_items',
  inFlight: 'utxo_store_dispatches_in_flight',
  concurrencyLimit: 'utxo_store_concurrency_limit',
  permitsFree: 'utxo_store_connection_permits_free',
  permitsWaiting: 'utxo_store_connection_permits_waiting',
  breaker: 'utxo_store_spend_breaker_open',
  breakerRefusals: 'utxo_store_spend_breaker_refusals_total',
  refusedItems: 'utxo_store_refused_items_total',
  unansweredItems: 'utxo_store_unanswered_items_total',
  overloadRetries: 'utxo_store_overload_retried_rows_total',
  rollbacks: 'utxo_store_spend_rollbacks_total',
  followUpFailures: 'utxo_store_follow_up_failures_total',
  creationRepairs: 'utxo_store_creation_repairs_total',
} as const

/** What a store did between two readings of its metrics. Times are milliseconds, null where nothing was timed. */
export interface Sample {
  readonly time: string
  readonly seconds: number
  readonly callsPerSecond: number
  /** Verdicts on the data, such as TX_NOT_FOUND, among them. */
  readonly errorsPerSecond: number
  readonly operations: readonly OperationSample[]
  readonly batchers: readonly BatcherSample[]
  readonly connections: { readonly free: number; readonly waiting: number } | null
  /** Several stores that share a registry add up: the level is the sum of theirs. */
  readonly breaker: { readonly state: 'closed' | 'half-open' | 'open'; readonly level: number }
  readonly troublePerSecond: Readonly<Record<Trouble, number>>
  readonly errors: readonly ErrorSample[]
}

export interface OperationSample extends Latency {
  readonly operation: string
  readonly callsPerSecond: number
  readonly errorsPerSecond: number
  /** Calls since the store's process began. */
  readonly total: number
}

interface Latency {
  readonly meanMs: number | null
  readonly p50Ms: number | null
  readonly p99Ms: number | null
}

export interface BatcherSample {
  readonly batcher: string
  readonly queued: number
  readonly inFlight: number
  /** Null where there is none. */
  readonly limit: number | null
  readonly batchesPerSecond: number
  readonly itemsPerBatch: number | null
  readonly queueP99Ms: number | null
  readonly batchP99Ms: number | null
}

export interface ErrorSample {
  readonly operation: string
  readonly code: string
  readonly perSecond: number
  /** Since the store's process began. */
  readonly total: number
}

const TROUBLES = {
  refusedItems: WATCHED.refusedItems,
  unansweredItems: WATCHED.unansweredItems,
  breakerRefusals: WATCHED.breakerRefusals,
  overloadRetries: WATCHED.overloadRetries,
  rollbacks: WATCHED.rollbacks,
  followUpFailures: WATCHED.followUpFailures,
  creationRepairs: WATCHED.creationRepairs,
} as const
export type Trouble = keyof typeof TROUBLES

export function takeSample(interval: Interval, time: Date): Sample {
  const { after, seconds } = interval
  const operations = valuesOf(after, WATCHED.calls, 'operation')
    .map(operation => operationSample(interval, operation))
    .sort(byUse)
  const level = total(after, WATCHED.breaker)
  return {
    time: time.toISOString(),
    seconds,
    callsPerSecond: sum(operations.map(each => each.callsPerSecond)),
    errorsPerSecond: sum(operations.map(each => each.errorsPerSecond)),
    operations,
    batchers: valuesOf(after, WATCHED.queuedItems, 'batcher').map(batcher =>
      batcherSample(interval, batcher),
    ),
    connections: after.has(WATCHED.permitsFree)
      ? { free: total(after, WATCHED.permitsFree), waiting: total(after, WATCHED.permitsWaiting) }
      : null,
    breaker: { state: level >= 1 ? 'open' : level > 0 ? 'half-open' : 'closed', level },
    troublePerSecond: Object.fromEntries(
      Object.entries(TROUBLES).map(([trouble, name]) => [trouble, growth(interval, name) / seconds]),
    ) as Record<Trouble, number>,
    errors: errorsOf(interval),
  }
}

/** Those that are called now come first; among them the order is steady, so that lines do not change places. */
function byUse(a: OperationSample, b: OperationSample): number {
  return (
    Number(b.callsPerSecond > 0) - Number(a.callsPerSecond > 0) ||
    b.total - a.total ||
    a.operation.localeCompare(b.operation)
  )
}

function operationSample(interval: Interval, operation: string): OperationSample {
  const calls = growth(interval, WATCHED.calls, 'operation', operation)
  const failures = sum(
    failuresOf(interval)
      .filter(each => each.operation === operation)
      .map(each => each.growth),
  )
  const times = distribution(interval, WATCHED.callSeconds, 'operation', operation)
  return {
    operation,
    callsPerSecond: calls / interval.seconds,
    errorsPerSecond: failures / interval.seconds,
    total: total(interval.after, WATCHED.calls, 'operation', operation),
    ...latency(times),
  }
}

function latency({ mean, p50, p99 }: Distribution): Latency {
  return { meanMs: milliseconds(mean), p50Ms: milliseconds(p50), p99Ms: milliseconds(p99) }
}

function batcherSample(interval: Interval, batcher: string): BatcherSample {
  const { after, seconds } = interval
  const of = (name: string): number => total(after, name, 'batcher', batcher)
  const timed = (name: string): Distribution => distribution(interval, name, 'batcher', batcher)
  const limit = of(WATCHED.concurrencyLimit)
  const items = timed(WATCHED.batchItems)
  return {
    batcher,
    queued: of(WATCHED.queuedItems),
    inFlight: of(WATCHED.inFlight),
    limit: Number.isFinite(limit) && limit > 0 ? limit : null,
    batchesPerSecond: items.count / seconds,
    itemsPerBatch: items.mean,
    queueP99Ms: milliseconds(timed(WATCHED.queueSeconds).p99),
    batchP99Ms: milliseconds(timed(WATCHED.batchSeconds).p99),
  }
}

interface Failures {
  readonly operation: string
  readonly code: string
  readonly growth: number
  readonly total: number
}

function failuresOf({ before, after }: Interval): Failures[] {
  const key = (labels: ReadonlyMap<string, string>): string =>
    `${labels.get('operation')} ${labels.get('outcome')}`
  const earlier = new Map((before.get(WATCHED.calls) ?? []).map(({ labels, value }) => [key(labels), value]))
  return (after.get(WATCHED.calls) ?? [])
    .filter(({ labels }) => labels.get('outcome') !== 'ok')
    .map(({ labels, value }) => {
      const was = earlier.get(key(labels)) ?? 0
      return {
        operation: labels.get('operation') ?? '',
        code: labels.get('outcome') ?? '',
        growth: value < was ? value : value - was,
        total: value,
      }
    })
}

function errorsOf(interval: Interval): ErrorSample[] {
  return failuresOf(interval)
    .map(({ operation, code, growth: count, total: all }) => ({
      operation,
      code,
      perSecond: count / interval.seconds,
      total: all,
    }))
    .sort((a, b) => b.perSecond - a.perSecond || b.total - a.total)
}

function milliseconds(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1000
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0)
}
