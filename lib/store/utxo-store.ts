import { checkCallOptions, InvalidArgumentError, type StoreError } from '../errors/index.ts'
import type { Settings } from '../settings/index.ts'
import type { Transport } from '../transport/index.ts'
import { closeBatchers, endLingers } from './calls/batchers.ts'
import type { CallOptions } from './calls/call-options.ts'
import { WalkCalls } from './calls/walk-calls.ts'
import type { BlockState } from './context/block-state.ts'
import { checkHealth, type Health } from './health.ts'
import { openFoundation, type StoreFoundation } from './opening/foundation.ts'
import type { OpenOptions } from './opening/open-options.ts'
import type { TransportChoice } from './opening/transport-choice.ts'
import { reportPendingConflicts } from './operations/conflicts/recover-conflicts.ts'
import { released } from './waiting/released.ts'

/**
 * Stores Bitcoin's unspent transaction outputs in Aerospike.
 *
 * Safe for many concurrent calls: each is answered exactly once, within the batch policy's total timeout plus
 * a grace period, and an output is spent by one transaction only, decided atomically in the server.
 *
 * Txids are 32 bytes in internal order, or display hex where a string is given. Every error is a `StoreError`
 * with a stable `code`. An error other than a verdict on the data (`TX_…`, `UTXO_…`) leaves the outcome
 * unknown; repeating the same call is safe, but for `incrementSpentRecords`, which counts twice.
 */
export class UtxoStore extends WalkCalls implements AsyncDisposable {
  readonly #foundation: StoreFoundation
  readonly #closing = new AbortController()
  /** The look into the conflict log at the start, which holds up nobody. */
  #conflictCheck: Promise<void> | undefined
  #closed: Promise<void> | undefined

  private constructor(foundation: StoreFoundation) {
    super(foundation.context)
    this.#foundation = foundation
  }

  /**
   * Opens a store on `aerospike://host:port[,host:port…]/namespace?set=…`, or on a server of its own inside
   * this process with `embedded:` (for development and tests; its data ends with the store). Registers the
   * store's UDF module where it is missing.
   *
   * Throws `INVALID_ARGUMENT` for a wrong URL or setting, `STORAGE_UNAVAILABLE` when the cluster cannot be
   * reached or its namespace does not fit. The npm client blocks the event loop while it connects.
   */
  static async open(url: string, options: OpenOptions = {}): Promise<UtxoStore> {
    if (typeof url !== 'string') throw new InvalidArgumentError('store URL', 'a string', url)
    const store = new UtxoStore(await openFoundation(url, options))
    store.#conflictCheck = reportPendingConflicts(store.context, store.#closing.signal)
    return store
  }

  /** The seam that all batch traffic passes; tests can put a faulty transport here. */
  get transport(): Transport {
    return this.context.transport
  }

  set transport(transport: Transport) {
    this.context.transport = transport
  }

  /** Which transport carries the batches, and why it was chosen. */
  get transportChoice(): TransportChoice {
    return this.#foundation.transportChoice
  }

  /** Every setting with the value in force. */
  get settings(): Settings {
    return this.context.settings
  }

  /** Sets the tip of the chain, height and median time (Unix seconds) together. */
  setBlockState(height: number, medianTime: number): void {
    this.context.blockState.set(height, medianTime)
  }

  /** The tip as last set; height 0 before that. */
  get blockState(): BlockState {
    return this.context.blockState.current
  }

  /**
   * Whether the store can serve: 200 or 503 with the reason. Writes and reads a record and asks every node;
   * with `checkLiveness` it only tells that the process lives. Never throws.
   */
  async health(checkLiveness = false, options: CallOptions = {}): Promise<Health> {
    if (this.#closed !== undefined) return { status: 503, message: 'the store is closed' }
    if (checkLiveness) return { status: 200, message: 'alive' }
    const checked = this.call({ name: 'health' }, options, signal =>
      checkHealth(this.context, this.#foundation.administration, this.#foundation.url.namespace, signal),
    )
    return checked.catch((error: StoreError) => ({ status: 503, message: error.message }))
  }

  /**
   * Refuses new calls, sends what is queued, waits until every call in progress has ended with all its steps (as
   * long as one batch and a rollback may take), then closes the connection.
   * Idempotent. A signal ends the wait, not the closing, which goes on in the background.
   */
  async close(options: CallOptions = {}): Promise<void> {
    checkCallOptions(options)
    this.#closed ??= this.#shutDown()
    return options.signal === undefined
      ? this.#closed
      : released(this.#closed, { name: 'close', signal: options.signal })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #shutDown(): Promise<void> {
    this.gate.close()
    this.#foundation.beginClose()
    this.#closing.abort()
    endLingers(this.batchers)
    await this.#conflictCheck
    this.context.indexes.close()
    // The gate takes no new call; what it admitted has its steps still before it, and each goes through a batcher.
    await this.gate.idle()
    await closeBatchers(this.batchers)
    await this.#foundation.release()
  }
}
