import {
  extendTransaction,
  type Transaction,
  type TransactionOutput,
  toTxid,
  txidKey,
  txidToHex,
} from '../bitcoin/index.ts'
import { InvalidArgumentError, type StoreError } from '../errors/index.ts'
import {
  checkFields,
  DECORATE_FIELDS,
  type Field,
  GET_FIELDS,
  META_FIELDS,
  type TransactionMetadata,
} from '../record/index.ts'
import type { Settings } from '../settings/index.ts'
import type { Transport } from '../transport/index.ts'
import { checkBoolean, checkTransaction, type TransactionSource, type TxidInput } from './arguments.ts'
import { type Batchers, CLOSE_ORDER, createBatchers } from './batchers.ts'
import type { BlockState } from './block-state.ts'
import { type Call, CallGate } from './call-gate.ts'
import { checkHealth, type Health } from './health.ts'
import { openFoundation, type StoreFoundation } from './open.ts'
import type { OpenOptions } from './open-options.ts'
import { batchDecorate, type DecoratedTransaction } from './operations/batch-decorate.ts'
import { completeRecord } from './operations/complete-record.ts'
import { type CreateOptions, prepareCreate } from './operations/create.ts'
import { createPartial, partialOutputs } from './operations/create-partial.ts'
import { deleteTransaction } from './operations/delete.ts'
import { checkMinedInfo, type MinedBlocks, type MinedInfo, setMinedMulti } from './operations/set-mined.ts'
import { prepareSpends, type Spend, spend } from './operations/spend.ts'
import type { SpendFlags } from './operations/spend-dispatch.ts'
import { prepareUnspends, type UnspendInput, unspend } from './operations/unspend.ts'
import { released } from './released.ts'
import { aggregateError, asStoreError } from './store-errors.ts'
import { Turns } from './turns.ts'

export interface CallOptions {
  /**
   * Releases the caller at once, with code `CONTEXT_CANCELED` and the signal's reason as cause. What was
   * already sent may still take effect.
   */
  signal?: AbortSignal | undefined
}

/** What a spend may pass over; all off where absent. */
export type SpendOptions = CallOptions & { readonly [Flag in keyof SpendFlags]?: boolean | undefined }

/**
 * Stores Bitcoin's unspent transaction outputs in Aerospike.
 *
 * Safe for many concurrent calls: each is answered exactly once, within the batch policy's total timeout plus
 * a grace period, and an output is spent by one transaction only, decided atomically in the server.
 *
 * Txids are 32 bytes in internal order, or display hex where a string is given. Every error is a `StoreError`
 * with a stable `code`. An error other than a verdict on the data (`TX_…`, `UTXO_…`) leaves the outcome
 * unknown; repeating the same call is safe, for every operation is idempotent.
 */
export class UtxoStore implements AsyncDisposable {
  readonly #foundation: StoreFoundation
  readonly #batchers: Batchers
  readonly #spendTurns = new Turns()
  readonly #gate: CallGate
  #closed: Promise<void> | undefined

  private constructor(foundation: StoreFoundation) {
    this.#foundation = foundation
    this.#batchers = createBatchers(foundation.context)
    this.#gate = new CallGate(foundation.context)
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
    return new UtxoStore(await openFoundation(url, options))
  }

  /** The seam that all batch traffic passes; tests can put a faulty transport here. */
  get transport(): Transport {
    return this.#foundation.context.transport
  }

  set transport(transport: Transport) {
    this.#foundation.context.transport = transport
  }

  /** Every setting with the value in force. */
  get settings(): Settings {
    return this.#foundation.context.settings
  }

  /**
   * Stores a transaction's outputs as unspent. `tx` has to carry what its inputs spend (extended format, or
   * decorated by `previousOutputsDecorate`), unless it is a coinbase or `skipExtendedInputs` is set.
   * `blockHeight` decides coinbase maturity, which outputs are stored, and since when it counts as unmined.
   *
   * Throws `TX_EXISTS` when it is stored already; nothing is overwritten. After a timeout or an abort the
   * record may exist: repeat the call and take `TX_EXISTS` for success.
   */
  async create(
    tx: TransactionSource,
    blockHeight: number,
    options: CreateOptions & CallOptions = {},
  ): Promise<TransactionMetadata> {
    return this.#call({ name: 'create' }, options, async signal => {
      const transaction = checkTransaction(tx)
      const { request, metadata, body } = prepareCreate(this.#context, transaction, blockHeight, options)
      // The body first: one without a record is harmless, a record without its body is not.
      if (body !== undefined)
        await this.#context.external.set(txidToHex(transaction.txid), body.type, body.bytes)
      await this.#batchers.store.submit(request, { signal })
      return metadata
    })
  }

  /**
   * Stores outputs of a transaction whose body is not known, by output index, for example those of a snapshot of
   * the unspent set or of a parent that lies before the first block at hand. The record has no inputs, fee or
   * size. Otherwise as `create`; several records are written in two phases, and repeating completes a call that
   * was interrupted.
   */
  async createPartial(
    txid: TxidInput,
    outputs: ReadonlyMap<number, TransactionOutput>,
    blockHeight: number,
    options: CreateOptions & CallOptions = {},
  ): Promise<void> {
    return this.#call({ name: 'createPartial' }, options, signal => {
      const partial = partialOutputs(toTxid(txid), outputs, blockHeight, options.isCoinbase ?? false)
      return createPartial(this.#context, partial, options, signal)
    })
  }

  /**
   * Reads a transaction. `fields` names what is wanted; by default the metadata and the transaction itself.
   * Throws `TX_NOT_FOUND` for a missing record and `STORAGE_ERROR` for a damaged one.
   */
  async get(
    txid: TxidInput,
    fields: readonly Field[] = GET_FIELDS,
    options: CallOptions = {},
  ): Promise<TransactionMetadata> {
    return this.#call({ name: 'get' }, options, async signal => {
      const request = { txid: toTxid(txid), fields: checkFields(fields) }
      const metadata = await this.#batchers.get.submit(request, { signal })
      return completeRecord(this.#context, request.txid, metadata, request.fields, signal)
    })
  }

  /** Reads a transaction's metadata without its body. */
  async getMeta(txid: TxidInput, options: CallOptions = {}): Promise<TransactionMetadata> {
    return this.get(txid, META_FIELDS, options)
  }

  /**
   * Reads many transactions in few batches. Returns one entry for each txid, in order, with its data or its
   * own error; a missing or damaged record fails alone.
   */
  async batchDecorate(
    txids: readonly TxidInput[],
    fields: readonly Field[] = DECORATE_FIELDS,
    options: CallOptions = {},
  ): Promise<DecoratedTransaction[]> {
    return this.#call({ name: 'batchDecorate', items: lengthOf(txids) }, options, signal => {
      return batchDecorate(this.#context, checkTxids(txids), checkFields(fields), signal)
    })
  }

  /**
   * Returns the transaction with what its inputs spend, read from their parents; the same txid. Throws
   * `TX_NOT_FOUND` when a parent is not stored and `TX_INVALID` when it has no such output.
   */
  async previousOutputsDecorate(tx: TransactionSource, options: CallOptions = {}): Promise<Transaction> {
    return this.#call({ name: 'previousOutputsDecorate' }, options, async signal => {
      const transaction = checkTransaction(tx)
      if (transaction.isExtended || transaction.isCoinbase) return transaction
      return extendTransaction(
        transaction,
        await this.#batchers.outpoint.submit({ tx: transaction }, { signal }),
      )
    })
  }

  /**
   * Spends all inputs of a transaction, or none: when one fails, the others are rolled back. `tx` has to carry
   * what its inputs spend. First seen wins; repeating a spend by the same transaction succeeds.
   *
   * Returns one entry for each input, in order. Throws a `SpendError` (code `UTXO_ERROR`) whose `spends` tell
   * the error of each input: a `UtxoSpentError` names the winner. After a timeout or an abort the inputs may
   * be spent; repeating the call settles it.
   */
  async spend(tx: TransactionSource, blockHeight: number, options: SpendOptions = {}): Promise<Spend[]> {
    return this.#call({ name: 'spend' }, options, async signal => {
      const transaction = checkTransaction(tx)
      const requests = prepareSpends(transaction, blockHeight, spendFlags(options))
      const turn = { waitMs: this.settings.spendWaitTimeout, signal }
      return this.#spendTurns.take(txidKey(transaction.txid), turn, () =>
        spend(this.#context, this.#batchers.spend, transaction, requests, signal),
      )
    })
  }

  /**
   * Undoes spends. Only a slot that holds exactly the given spending data is cleared: a spend by another
   * transaction is never touched, and repeating is harmless. Throws after all were tried.
   */
  async unspend(spends: readonly UnspendInput[], options: CallOptions = {}): Promise<void> {
    return this.#call({ name: 'unspend', items: lengthOf(spends) }, options, signal => {
      if (!Array.isArray(spends)) throw new InvalidArgumentError('spends', 'an array', spends)
      return unspend(this.#context, prepareUnspends(spends), signal)
    })
  }

  /**
   * Records that a block holds transactions (or, with `unsetMined`, no longer does), in batches. Returns the
   * block ids of each transaction by display-hex txid. Throws a `SetMinedError` after all were tried; its
   * `blockIds` has those that succeeded.
   */
  async setMinedMulti(
    txids: readonly TxidInput[],
    info: MinedInfo,
    options: CallOptions = {},
  ): Promise<MinedBlocks> {
    return this.#call({ name: 'setMinedMulti', items: lengthOf(txids) }, options, signal => {
      checkMinedInfo(info)
      return setMinedMulti(this.#context, checkTxids(txids), info, signal)
    })
  }

  /** Locks transactions against spending, or lifts the lock. Throws after all were tried. */
  async setLocked(txids: readonly TxidInput[], locked: boolean, options: CallOptions = {}): Promise<void> {
    return this.#call({ name: 'setLocked', items: lengthOf(txids) }, options, async signal => {
      checkBoolean('locked', locked)
      const requests = checkTxids(txids).map(txid => ({ txid, locked }))
      const outcomes = await this.#batchers.locked.submitGroup(requests, { signal })
      const failures = outcomes.flatMap(outcome =>
        outcome.status === 'rejected' ? [asStoreError(outcome.reason, 'setLocked')] : [],
      )
      const [first] = failures
      if (first === undefined) return
      if (failures.length === 1) throw first
      throw aggregateError(
        'STORAGE_ERROR',
        `the lock of ${failures.length} of ${requests.length} transactions could not be set: ${first.message}`,
        failures,
      )
    })
  }

  /** Removes a transaction's record; a missing one is fine. */
  async delete(txid: TxidInput, options: CallOptions = {}): Promise<void> {
    return this.#call({ name: 'delete' }, options, signal =>
      deleteTransaction(this.#context, toTxid(txid), signal),
    )
  }

  /** Sets the tip of the chain, height and median time (Unix seconds) together. */
  setBlockState(height: number, medianTime: number): void {
    this.#context.blockState.set(height, medianTime)
  }

  /** The tip as last set; height 0 before that. */
  get blockState(): BlockState {
    return this.#context.blockState.current
  }

  /**
   * Whether the store can serve: 200 or 503 with the reason. Writes and reads a record and asks every node;
   * with `checkLiveness` it only tells that the process lives. Never throws.
   */
  async health(checkLiveness = false, options: CallOptions = {}): Promise<Health> {
    if (this.#closed !== undefined) return { status: 503, message: 'the store is closed' }
    if (checkLiveness) return { status: 200, message: 'alive' }
    const checked = this.#call({ name: 'health' }, options, signal =>
      checkHealth(this.#context, this.#foundation.administration, this.#foundation.url.namespace, signal),
    )
    return checked.catch((error: StoreError) => ({ status: 503, message: error.message }))
  }

  /**
   * Refuses new calls, sends what is queued, waits until every call is answered, then closes the connection.
   * Idempotent. A signal ends the wait, not the closing, which goes on in the background.
   */
  async close(options: CallOptions = {}): Promise<void> {
    this.#closed ??= this.#shutDown()
    return options.signal === undefined
      ? this.#closed
      : released(this.#closed, { name: 'close', signal: options.signal })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  get #context() {
    return this.#foundation.context
  }

  #call<Result>(
    call: Call,
    { signal }: CallOptions,
    work: (signal: AbortSignal | undefined) => Promise<Result>,
  ): Promise<Result> {
    return this.#gate.admit(call, signal, work)
  }

  async #shutDown(): Promise<void> {
    this.#gate.close()
    for (const name of CLOSE_ORDER) await this.#batchers[name].close()
    await this.#gate.idle()
    await this.#foundation.release()
  }
}

function lengthOf(list: readonly unknown[]): number {
  return Array.isArray(list) ? list.length : 1
}

function checkTxids(txids: readonly TxidInput[]): Uint8Array[] {
  if (!Array.isArray(txids)) throw new InvalidArgumentError('txids', 'an array', txids)
  return txids.map((txid, index) => toTxid(txid, `txids[${index}]`))
}

function spendFlags(options: SpendOptions): SpendFlags {
  const {
    ignoreConflicting = false,
    ignoreLocked = false,
    ignorePolicyFreeze = false,
    ignoreConsensusFreeze = false,
  } = options
  const flags = { ignoreConflicting, ignoreLocked, ignorePolicyFreeze, ignoreConsensusFreeze }
  for (const [flag, value] of Object.entries(flags)) checkBoolean(flag, value)
  return flags
}
