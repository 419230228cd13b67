import { StoreError, TIMER_MS_MAX } from '../../errors/index.ts'
import type { ExternalStore } from '../../external/index.ts'
import type { Gauge, Labels, StoreMetrics } from '../../metrics/index.ts'
import type { Settings } from '../../settings/index.ts'
import {
  type Administration,
  alignAnswers,
  type BatchOptions,
  type BatchRow,
  ConnectionPermits,
  type Queries,
  type RowAnswer,
  type Transport,
} from '../../transport/index.ts'
import { BoundedStore } from '../bodies/bounded-store.ts'
import { ExternalCaches } from '../bodies/external-caches.ts'
import { loggedBatch } from '../logging/logged-batch.ts'
import type { EventLogger } from '../logging/logger.ts'
import { asStoreError, doubtfulError } from '../store-errors.ts'
import type { ModuleNames } from '../udf/module-names.ts'
import { AcknowledgedSpends } from './acknowledged-spends.ts'
import type { BlockStateHolder } from './block-state.ts'
import { type BreakerState, CircuitBreaker } from './circuit-breaker.ts'
import { CountedPages } from './counted-pages.ts'
import { FilterYield, FilterYields } from './filter-yield.ts'
import type { FollowUpPools } from './follow-up-pools.ts'
import { Indexes, indexNames } from './indexes.ts'

export interface OperateOptions {
  signal?: AbortSignal | undefined
  /** Total time of the batch in milliseconds; the batch policy's where absent. */
  timeoutMs?: number | undefined
  /** For changes that count twice when repeated: the transport must not retry them. */
  once?: boolean | undefined
  /** False: a refusal for load is the answer, where an answer now is worth more than success later. */
  retryOverload?: boolean | undefined
}

const BREAKER_LEVELS = { closed: 0, 'half-open': 0.5, open: 1 } as const satisfies Record<
  BreakerState,
  number
>

/** As many as the reference writes at a time (semantics 5.3). */
const EXTERNAL_READS_MAX = 16

export interface StoreContextOptions {
  settings: Settings
  set: string
  /** Names under which the store's server-side functions are registered. */
  modules: ModuleNames
  logger: EventLogger
  metrics: StoreMetrics
  blockState: BlockStateHolder
  transport: Transport
  /** Reads of whole sets and by secondary index. */
  queries: Queries
  administration: Administration
  /** Fires when the store begins to close. */
  closing: AbortSignal
  /** Where bodies of transactions are kept that are too large for a record. */
  external: ExternalStore
  /** Connections to one node at the most. */
  connectionsMax: number
}

/** What the operations of one store share. It decides nothing; it carries batches across the seam, bounded. */
export class StoreContext {
  readonly settings: Settings
  readonly set: string
  readonly modules: ModuleNames
  readonly logger: EventLogger
  readonly metrics: StoreMetrics
  readonly blockState: BlockStateHolder
  /** Each call ends within `waitMs`. */
  readonly external: ExternalStore
  readonly connectionsMax: number
  /** Undefined where the settings want none. */
  readonly externalCaches: ExternalCaches | undefined
  /** Admits readers of external bodies: each holds one in memory. */
  readonly externalReads = new ConnectionPermits(EXTERNAL_READS_MAX)
  readonly queries: Queries
  readonly administration: Administration
  readonly indexes: Indexes
  readonly acknowledgedSpends = new AcknowledgedSpends()
  readonly countedPages = new CountedPages()
  /** How much each kind of filtered write decides, for it to be left out where that is too little. */
  readonly filterYields = {
    // Filtered out, a row costs the server up to half of a Lua call.
    spend: new FilterYield(0.5),
    // The statement behind it is a filtered write itself, and a quarter dearer.
    setMinedFirstBlock: new FilterYields(0.7),
    setMinedAnyBlock: new FilterYields(0.5),
  } as const
  readonly spendBreaker: CircuitBreaker
  /** Admits writers of external bodies; without them as many write as come. */
  readonly externalPlaces: ConnectionPermits | undefined
  /** Replaceable at any time, for tests that put a faulty transport here. */
  transport: Transport
  readonly #closing: AbortSignal
  readonly #gauges: (() => void)[] = []
  #followUps: FollowUpPools | undefined

  constructor(options: StoreContextOptions) {
    this.settings = options.settings
    this.set = options.set
    this.modules = options.modules
    this.logger = options.logger
    this.metrics = options.metrics
    this.blockState = options.blockState
    this.connectionsMax = options.connectionsMax
    this.externalCaches = ExternalCaches.of(options.settings)
    // The bound outside: what takes effect after it was given up is made known to the caches all the same.
    const external = this.externalCaches?.over(options.external) ?? options.external
    this.external = new BoundedStore(external, { callMs: this.waitMs })
    this.queries = options.queries
    this.administration = options.administration
    this.indexes = new Indexes(options.administration, indexNames(options.settings, options.set))
    this.transport = options.transport
    this.#closing = options.closing
    this.spendBreaker = this.#breaker()
    const { externalStoreConcurrency } = options.settings
    this.externalPlaces =
      externalStoreConcurrency === 0
        ? undefined
        : new ConnectionPermits(externalStoreConcurrency, 'place at the external store')
    this.addGauge(this.metrics.breakerOpen, {}, () => BREAKER_LEVELS[this.spendBreaker.state])
  }

  /** Has a gauge read a value of this store until the store is closed. */
  addGauge<Label extends string>(
    gauge: Gauge<Label>,
    labels: Labels<NoInfer<Label>>,
    source: () => number,
  ): void {
    this.#gauges.push(gauge.addSource(labels, source))
  }

  /** The store is closed: its gauges no longer show it. */
  removeGauges(): void {
    for (const remove of this.#gauges.splice(0)) remove()
  }

  /** Fires when the store begins to close: nothing that was refused for load is sent again from then on. */
  get closing(): AbortSignal {
    return this.#closing
  }

  /** The batchers of follow-ups; put here by `createBatchers`, since their handlers need the context first. */
  get followUps(): FollowUpPools {
    if (this.#followUps === undefined) throw new StoreError('UNKNOWN', 'the store has no batchers yet')
    return this.#followUps
  }

  set followUps(pools: FollowUpPools) {
    this.#followUps = pools
  }

  /** Blocks that a fully spent transaction is kept; 0 means for ever. */
  get retention(): number {
    const { blockHeightRetention, blockHeightRetentionAdjustment } = this.settings
    return Math.max(0, blockHeightRetention + blockHeightRetentionAdjustment)
  }

  /**
   * The longest wait of any caller: what one batch may lawfully take, attempts after an overload included, plus
   * a grace for the queue (semantics 4.3, lesson 26).
   */
  get waitMs(): number {
    return this.#boundMs({ timeout: this.settings.batchPolicyTotalTimeout })
  }

  #boundMs({ timeout, retryOverload }: BatchOptions): number {
    const { overloadRetryMaxElapsed, batcherWaitGrace } = this.settings
    const budgetMs = retryOverload === false ? 0 : overloadRetryMaxElapsed
    return Math.min(TIMER_MS_MAX, timeout + budgetMs + batcherWaitGrace)
  }

  #breaker(): CircuitBreaker {
    const { settings, logger, metrics } = this
    return new CircuitBreaker({
      failureCount: settings.spendCircuitBreakerFailureCount,
      cooldownMs: settings.spendCircuitBreakerCooldown,
      halfOpenMax: settings.spendCircuitBreakerHalfOpenMax,
      onChange: state => {
        metrics.breakerChanges.increment({ state })
        const level = state === 'open' ? 'error' : 'info'
        logger[level]({ event: 'spend_breaker_changed', state }, 'the circuit breaker of spends changed')
      },
    })
  }

  /**
   * Sends one batch and returns one entry for each row, in the order of the rows; undefined where the transport
   * gave no answer. Throws a `StoreError` when the batch as a whole failed, was given up by the signal, or had
   * no answer within its timeout, the budget for overloads and the grace period.
   */
  async operate(
    rows: readonly BatchRow[],
    options: OperateOptions = {},
  ): Promise<readonly (RowAnswer | undefined)[]> {
    if (rows.length === 0) return []
    const timeout = options.timeoutMs ?? this.settings.batchPolicyTotalTimeout
    const batchOptions = {
      timeout,
      signal: options.signal,
      ...(options.once ? { once: true } : {}),
      ...(options.retryOverload === false ? { retryOverload: false } : {}),
    }
    const sent = this.#send(rows, batchOptions)
    const { byRow, surplus } = alignAnswers(
      rows,
      await (this.settings.verboseDebug ? loggedBatch(this.logger, rows, sent) : sent),
    )
    if (surplus > 0) {
      this.logger.warn(
        { event: 'surplus_answers', rows: rows.length, surplus },
        'the transport answered rows twice or rows that were not asked',
      )
    }
    return byRow
  }

  /** The transport's promise, but no longer than it may lawfully take and the grace period; then it is left alone. */
  #send(rows: readonly BatchRow[], options: BatchOptions): Promise<unknown> {
    const { signal } = options
    return new Promise((resolve, reject) => {
      const boundMs = this.#boundMs(options)
      const end = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
      }
      const fail = (error: unknown): void => {
        end()
        reject(asStoreError(error, 'the batch failed', { code: 'STORAGE_ERROR' }))
      }
      let isSent = false
      const isRead = rows.every(({ kind }) => kind === 'read')
      /** Of changes that were sent nobody knows what became. */
      const giveUp = (error: StoreError): void => fail(isSent && !isRead ? doubtfulError(error) : error)
      const onAbort = (): void =>
        giveUp(
          new StoreError('CONTEXT_CANCELED', 'the batch was given up by the signal', {
            cause: signal?.reason,
          }),
        )
      const timer = setTimeout(() => {
        const message = `the transport gave no answer within ${boundMs} ms`
        giveUp(new StoreError('SERVICE_UNAVAILABLE', message))
      }, boundMs)
      if (signal?.aborted) return onAbort()
      signal?.addEventListener('abort', onAbort, { once: true })
      try {
        isSent = true
        this.transport.batchOperate(rows, options).then(answers => {
          end()
          resolve(answers)
        }, fail)
      } catch (error) {
        fail(error)
      }
    })
  }
}
