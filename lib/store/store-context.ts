import { StoreError } from '../errors/index.ts'
import type { ExternalStore } from '../external/index.ts'
import type { StoreMetrics } from '../metrics/index.ts'
import type { Settings } from '../settings/index.ts'
import {
  alignAnswers,
  type BatchOptions,
  type BatchRow,
  type RowAnswer,
  type Transport,
} from '../transport/index.ts'
import { AcknowledgedSpends } from './acknowledged-spends.ts'
import type { BlockStateHolder } from './block-state.ts'
import type { Logger } from './logger.ts'
import { asStoreError } from './store-errors.ts'

export interface OperateOptions {
  signal?: AbortSignal | undefined
  /** Total time of the batch in milliseconds; the batch policy's where absent. */
  timeoutMs?: number | undefined
  /** For changes that count twice when repeated: the transport must not retry them. */
  once?: boolean | undefined
}

export interface StoreContextOptions {
  settings: Settings
  set: string
  /** Name of the UDF module, under which the store's server-side functions are registered. */
  udfModule: string
  logger: Logger
  metrics: StoreMetrics
  blockState: BlockStateHolder
  transport: Transport
  /** Where bodies of transactions are kept that are too large for a record. */
  external: ExternalStore
}

/** What the operations of one store share. It decides nothing; it carries batches across the seam, bounded. */
export class StoreContext {
  readonly settings: Settings
  readonly set: string
  readonly udfModule: string
  readonly logger: Logger
  readonly metrics: StoreMetrics
  readonly blockState: BlockStateHolder
  readonly external: ExternalStore
  readonly acknowledgedSpends = new AcknowledgedSpends()
  /** Replaceable at any time, for tests that put a faulty transport here. */
  transport: Transport

  constructor(options: StoreContextOptions) {
    this.settings = options.settings
    this.set = options.set
    this.udfModule = options.udfModule
    this.logger = options.logger
    this.metrics = options.metrics
    this.blockState = options.blockState
    this.external = options.external
    this.transport = options.transport
  }

  /** Blocks that a fully spent transaction is kept; 0 means for ever. */
  get retention(): number {
    const { blockHeightRetention, blockHeightRetentionAdjustment } = this.settings
    return Math.max(0, blockHeightRetention + blockHeightRetentionAdjustment)
  }

  /** The longest wait of any caller: what one batch may lawfully take, plus a grace for the queue (semantics 4.3). */
  get waitMs(): number {
    return this.settings.batchPolicyTotalTimeout + this.settings.batcherWaitGrace
  }

  /**
   * Sends one batch and returns one entry for each row, in the order of the rows; undefined where the transport
   * gave no answer. Throws a `StoreError` when the batch as a whole failed, was given up by the signal, or had
   * no answer within its timeout and the grace period.
   */
  async operate(
    rows: readonly BatchRow[],
    options: OperateOptions = {},
  ): Promise<readonly (RowAnswer | undefined)[]> {
    if (rows.length === 0) return []
    const timeout = options.timeoutMs ?? this.settings.batchPolicyTotalTimeout
    const answers = await this.#send(rows, {
      timeout,
      signal: options.signal,
      ...(options.once ? { once: true } : {}),
    })
    const { byRow, surplus } = alignAnswers(rows, answers)
    if (surplus > 0) {
      this.logger.warn(
        { event: 'surplus_answers', rows: rows.length, surplus },
        'the transport answered rows twice or rows that were not asked',
      )
    }
    return byRow
  }

  /** The transport's promise, but no longer than its timeout and the grace period; then it is left alone. */
  #send(rows: readonly BatchRow[], options: BatchOptions): Promise<unknown> {
    const { signal } = options
    return new Promise((resolve, reject) => {
      const boundMs = options.timeout + this.settings.batcherWaitGrace
      const end = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
      }
      const fail = (error: unknown): void => {
        end()
        reject(asStoreError(error, 'the batch failed', { code: 'STORAGE_ERROR' }))
      }
      const onAbort = (): void =>
        fail(
          new StoreError('CONTEXT_CANCELED', 'the batch was given up by the signal', {
            cause: signal?.reason,
          }),
        )
      const timer = setTimeout(() => {
        fail(new StoreError('SERVICE_UNAVAILABLE', `the transport gave no answer within ${boundMs} ms`))
      }, boundMs)
      if (signal?.aborted) return onAbort()
      signal?.addEventListener('abort', onAbort, { once: true })
      try {
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
