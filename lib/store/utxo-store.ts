import {
  extendTransaction,
  requireTxid,
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
  type FreezeRecord,
  GET_FIELDS,
  META_FIELDS,
  type TransactionMetadata,
} from '../record/index.ts'
import type { Settings } from '../settings/index.ts'
import type { Transport } from '../transport/index.ts'
import {
  checkBoolean,
  checkHeight,
  checkTransaction,
  type TransactionSource,
  type TxidInput,
} from './arguments.ts'
import { type Batchers, CLOSE_ORDER, createBatchers } from './batchers.ts'
import type { BlockState } from './block-state.ts'
import { type Call, CallGate } from './call-gate.ts'
import { checkHealth, type Health } from './health.ts'
import { openFoundation, type StoreFoundation } from './open.ts'
import type { OpenOptions } from './open-options.ts'
import { batchDecorate, type DecoratedTransaction } from './operations/batch-decorate.ts'
import { completeRecord } from './operations/complete-record.ts'
import { linkToParents, unlinkFromParents } from './operations/conflict-links.ts'
import { type ConflictIntent, completeIntent, pendingIntents } from './operations/conflict-log.ts'
import { conflictingChildren } from './operations/conflicting-children.ts'
import { counterConflicting } from './operations/counter-conflicting.ts'
import { type CreateOptions, prepareCreate } from './operations/create.ts'
import { createPartial, partialOutputs } from './operations/create-partial.ts'
import { deleteComplete, deleteTransaction } from './operations/delete.ts'
import { checkPageCount, setDeleteAtHeightForChildRecords } from './operations/delete-at-height.ts'
import { processExpiredPreservations } from './operations/expired-preservations.ts'
import {
  checkWindow,
  type FreezeOptions,
  freezeUtxos,
  type NewOutput,
  reassignUtxo,
  unfreezeUtxos,
} from './operations/freeze.ts'
import type { GetRequest } from './operations/get.ts'
import { getSpend, type SpendState } from './operations/get-spend.ts'
import { checkIncrement } from './operations/increment.ts'
import { lockChildren } from './operations/lock-children.ts'
import { markTransactionsOnLongestChain } from './operations/mark-longest-chain.ts'
import { checkOutput, checkOutputs, type OutputInput } from './operations/output-calls.ts'
import { type PreserveCounts, preserveTransactions } from './operations/preserve.ts'
import {
  type ConflictBlock,
  type ConflictResult,
  checkConflict,
  processConflicting,
} from './operations/process-conflicting.ts'
import {
  type IntentFilter,
  type RecoveredConflict,
  recoverConflicts,
  reportPendingConflicts,
} from './operations/recover-conflicts.ts'
import { type ConflictingChange, setConflicting } from './operations/set-conflicting.ts'
import { checkMinedInfo, type MinedBlocks, type MinedInfo, setMinedMulti } from './operations/set-mined.ts'
import { prepareSpends, type Spend, spend } from './operations/spend.ts'
import {
  checkSpendAndCreate,
  type SpendAndCreateOptions,
  type SpentAndCreated,
  spendAndCreate,
} from './operations/spend-and-create.ts'
import type { SpendFlags, SpendRequest } from './operations/spend-dispatch.ts'
import { queryOldUnminedTransactions } from './operations/unmined.ts'
import { prepareUnspends, type UnspendInput, unspend } from './operations/unspend.ts'
import { released } from './released.ts'
import { aggregateError, asStoreError } from './store-errors.ts'
import { Turns } from './turns.ts'
import { uniqueTxids } from './txids.ts'

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
  readonly #conflictTurns = new Turns()
  readonly #gate: CallGate
  readonly #closing = new AbortController()
  /** The look into the conflict log at the start, which holds up nobody. */
  #conflictCheck: Promise<void> | undefined
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
    const store = new UtxoStore(await openFoundation(url, options))
    store.#conflictCheck = reportPendingConflicts(store.#context, store.#closing.signal)
    return store
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
    return this.#call({ name: 'create', rounds: options.conflicting === true ? 2 : 1 }, options, signal =>
      this.#create(checkTransaction(tx), blockHeight, options, signal),
    )
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
      return this.#spend(transaction, prepareSpends(transaction, blockHeight, spendFlags(options)), signal)
    })
  }

  /**
   * Spends a transaction's inputs and stores its outputs: `spend`, then `create`, then a look whether the inputs
   * are still held. A create that fails with anything but `TX_EXISTS` has the spends undone, unless the record
   * turns out to be there. `createOnly` and `spendOnly` leave the other half out.
   *
   * Throws what `spend` and `create` throw. A `SpendError` after the create says that the transaction lost an
   * input meanwhile; it is then stored as conflicting. After any other error repeat the call, and take
   * `TX_EXISTS` for success.
   */
  async spendAndCreate(
    tx: TransactionSource,
    blockHeight: number,
    options: SpendAndCreateOptions & SpendOptions & CreateOptions = {},
  ): Promise<SpentAndCreated> {
    return this.#call({ name: 'spendAndCreate', rounds: 6 }, options, async signal => {
      const { createOnly, spendOnly, confirmSpends } = checkSpendAndCreate(options)
      const transaction = checkTransaction(tx)
      const create = () => this.#create(transaction, blockHeight, options, signal)
      if (createOnly) return { spends: [], metadata: await create() }
      const requests = prepareSpends(transaction, blockHeight, spendFlags(options))
      const spend = () => this.#spend(transaction, requests, signal)
      if (spendOnly) return { spends: await spend(), metadata: undefined }
      const steps = {
        spend,
        create,
        inTurn: <Result>(work: () => Promise<Result>) => this.#inSpendTurn(transaction, undefined, work),
        readMasters: (reads: readonly GetRequest[]) => this.#batchers.get.submitGroup(reads),
      }
      return spendAndCreate(this.#context, transaction, requests, steps, confirmSpends)
    })
  }

  /**
   * Undoes spends, in batches. Only a slot that holds exactly the given spending data is cleared: a spend by
   * another transaction is never touched, and repeating is harmless. Throws after all were tried.
   *
   * `markAsLocked` locks the transactions that have the outputs first, so that nobody takes what becomes free;
   * they stay locked until `setLocked(txids, false)`.
   */
  async unspend(
    spends: readonly UnspendInput[],
    options: CallOptions & { readonly markAsLocked?: boolean | undefined } = {},
  ): Promise<void> {
    return this.#call({ name: 'unspend', items: lengthOf(spends), rounds: 4 }, options, signal => {
      if (!Array.isArray(spends)) throw new InvalidArgumentError('spends', 'an array', spends)
      const { markAsLocked = false } = options
      checkBoolean('markAsLocked', markAsLocked)
      return unspend(this.#context, prepareUnspends(spends), markAsLocked, signal)
    })
  }

  /**
   * Marks transactions as conflicting, so that their outputs cannot be spent, or lifts the mark. Marking enters
   * them in the lists of their parents first. Answers with their inputs as spends, for `unspend`, and with who
   * spends their outputs, for marking those. The txid 32 × FF (a coinbase in subtrees) is passed over.
   *
   * Throws `TX_NOT_FOUND`, with nothing changed, when one has no record; other failures after all were tried.
   * Repeating is safe.
   */
  async setConflicting(
    txids: readonly TxidInput[],
    value: boolean,
    options: CallOptions = {},
  ): Promise<ConflictingChange> {
    return this.#call({ name: 'setConflicting', items: lengthOf(txids), rounds: 8 }, options, signal => {
      checkBoolean('value', value)
      return setConflicting(this.#context, checkTxids(txids), value, signal)
    })
  }

  /**
   * Takes transactions out of the lists of conflicting children of their parents. A missing entry or a missing
   * parent is fine. Throws after all were tried; repeating is safe.
   */
  async removeFromConflictingChildren(
    removals: readonly { readonly parentTxid: TxidInput; readonly childTxid: TxidInput }[],
    options: CallOptions = {},
  ): Promise<void> {
    const call = { name: 'removeFromConflictingChildren', items: lengthOf(removals) }
    return this.#call(call, options, signal => {
      if (!Array.isArray(removals)) throw new InvalidArgumentError('removals', 'an array', removals)
      const links = removals.map(({ parentTxid, childTxid }, index) => ({
        parentTxid: toTxid(parentTxid, `removals[${index}].parentTxid`),
        childTxid: toTxid(childTxid, `removals[${index}].childTxid`),
      }))
      return unlinkFromParents(this.#context, links, signal)
    })
  }

  /**
   * The txids of all descendants: whoever spends an output of the transaction or was stored as conflicting with
   * one who does, and so on; itself excluded. 32 × FF among them says that an output is frozen. A descendant
   * whose record is gone is named, too. Each level takes one batch, two where there are pages.
   *
   * Throws `TX_NOT_FOUND` when the transaction is not stored, and a `WalkLimitError` (code `PROCESSING`) when there
   * are more than `conflictingChildrenMaxNodes`: never a part of the answer.
   */
  async getConflictingChildren(txid: TxidInput, options: CallOptions = {}): Promise<Uint8Array[]> {
    return this.#call({ name: 'getConflictingChildren', rounds: WALK_ROUNDS }, options, signal =>
      conflictingChildren(this.#context, toTxid(txid), signal),
    )
  }

  /**
   * The transaction itself, whoever else holds one of its inputs, and all descendants of those: what has to give
   * way for it to win.
   *
   * Throws `TX_NOT_FOUND` when it or a parent is not stored, or when a holder without a record may have been mined
   * and pruned (a holder near the tip, which never got one, is left out); `UTXO_FROZEN` where one of the outputs
   * concerned is frozen; `PROCESSING` where an input names no output.
   */
  async getCounterConflicting(txid: TxidInput, options: CallOptions = {}): Promise<Uint8Array[]> {
    return this.#call({ name: 'getCounterConflicting', rounds: WALK_ROUNDS }, options, signal =>
      counterConflicting(this.#context, toTxid(txid), signal),
    )
  }

  /**
   * Locks a transaction and all that spend its outputs, and so on; returns the txids of those, itself excluded.
   * Throws `TX_NOT_FOUND` when it is not stored and `UTXO_FROZEN` where an output is frozen; what was locked by
   * then stays so. Repeating is safe.
   */
  async getAndLockChildren(txid: TxidInput, options: CallOptions = {}): Promise<Uint8Array[]> {
    return this.#call({ name: 'getAndLockChildren', rounds: WALK_ROUNDS }, options, signal =>
      lockChildren(this.#context, toTxid(txid), signal),
    )
  }

  /**
   * Makes conflicting transactions win, because a block holds them: who holds their inputs is marked as
   * conflicting with all its descendants and loses its spends, the winners spend, their mark is lifted, and the
   * locks that kept third ones away meanwhile are taken off. Calls of one store run one after the other.
   *
   * All of it happens or nothing: what was done is taken back when a step fails. A `ConflictError` tells in which
   * phase, and with `isUndone` false that the way back failed as well; then, and when this process dies in the
   * middle, a record of the conflict log stays, the outputs concerned stay locked, and `recoverConflicts` or the
   * same call again brings it to its end. A signal ends the wait, but not the work once something was changed.
   * Repeating a call that succeeded does nothing.
   *
   * The caller decides which block is right: a loser may be mined, and `getCounterConflicting` tells beforehand.
   */
  async processConflicting(
    winners: readonly TxidInput[],
    block: ConflictBlock,
    options: CallOptions = {},
  ): Promise<ConflictResult> {
    return this.#call({ name: 'processConflicting', rounds: WALK_ROUNDS }, options, async signal => {
      const intent = checkConflict(winners, block)
      return this.#inConflictTurn(signal, () => processConflicting(this.#context, intent, signal))
    })
  }

  /**
   * Conflict processing that was interrupted, the oldest first. What another process is working on at this moment
   * is among it. Reads the set of the conflict log.
   */
  async pendingConflictIntents(options: CallOptions = {}): Promise<ConflictIntent[]> {
    return this.#call({ name: 'pendingConflictIntents', ...QUERY }, options, signal =>
      pendingIntents(this.#context, signal),
    )
  }

  /**
   * Brings interrupted conflict processing to its end, the oldest first. Call it after a start, before the first
   * `processConflicting`, and only while no other process works on conflicts of this set. `isWanted` is asked for
   * each intent; one whose block is no longer in the chain must not be run again, or it would undo what a later
   * reorganisation decided.
   *
   * Returns what became of each. Intents of the kind `reverse`, which only the reference system writes, and those
   * not wanted are skipped and stay.
   */
  async recoverConflicts(
    isWanted: IntentFilter = () => true,
    options: CallOptions = {},
  ): Promise<RecoveredConflict[]> {
    return this.#call({ name: 'recoverConflicts', rounds: QUERY.rounds }, options, signal => {
      if (typeof isWanted !== 'function') throw new InvalidArgumentError('isWanted', 'a function', isWanted)
      return this.#inConflictTurn(signal, () => recoverConflicts(this.#context, isWanted, signal))
    })
  }

  /**
   * Takes an intent out of the conflict log without running it. What it did before it was interrupted stays as it
   * is: parents may be locked (`setLocked`), losers marked and without their spends (`setConflicting`, `spend`).
   */
  async discardConflictIntent(intentId: Uint8Array, options: CallOptions = {}): Promise<void> {
    return this.#call({ name: 'discardConflictIntent' }, options, () =>
      completeIntent(this.#context, requireTxid(intentId, 'intentId')),
    )
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

  /**
   * Removes everything of a transaction: its pages, its external body, and its master record last. A missing
   * transaction is fine. Interrupted anywhere, the same call again goes on.
   */
  async deleteComplete(txid: TxidInput, options: CallOptions = {}): Promise<void> {
    return this.#call({ name: 'deleteComplete', rounds: 4 }, options, signal =>
      deleteComplete(this.#context, toTxid(txid), signal),
    )
  }

  /**
   * What would become of a spend of an output at `blockHeight` (the tip where absent), and who spends it. A
   * missing transaction or output is the status `NOT_FOUND`. Throws `PROCESSING` where the output has another
   * hash than the one given, and `STORAGE_ERROR` for a damaged record.
   */
  async getSpend(
    output: OutputInput,
    options: CallOptions & { readonly blockHeight?: number | undefined } = {},
  ): Promise<SpendState> {
    return this.#call({ name: 'getSpend' }, options, signal => {
      const height = options.blockHeight ?? this.blockState.height
      checkHeight('blockHeight', height)
      return getSpend(this.#context, checkOutput('output', output), height, signal)
    })
  }

  /**
   * Freezes outputs: always and for good, or by consensus in the half-open window of heights [`from`, `until`),
   * with a policy that ends with the window (`policyExpires`) or lasts. Another window on a frozen output
   * replaces the one it has; on a spent output the freeze is recorded, and holds once the spend is undone.
   *
   * Throws a `FreezeError` after all were tried, whose `outputs` tell the error of each: `UTXO_FROZEN` where the
   * output is frozen in this very way already, so that repeating a call that timed out is safe.
   */
  async freezeUtxos(
    outputs: readonly OutputInput[],
    options: FreezeOptions & CallOptions = {},
  ): Promise<void> {
    return this.#call({ name: 'freezeUtxos', items: lengthOf(outputs), rounds: 3 }, options, signal =>
      freezeUtxos(this.#context, checkOutputs(outputs), checkWindow(this.#context, options), signal),
    )
  }

  /**
   * Lifts the freezes of outputs, spent or not, in both tiers. Throws a `FreezeError` after all were tried;
   * `UTXO_ERROR` in it says that an output was not frozen.
   */
  async unfreezeUtxos(outputs: readonly OutputInput[], options: CallOptions = {}): Promise<void> {
    return this.#call({ name: 'unfreezeUtxos', items: lengthOf(outputs), rounds: 2 }, options, signal =>
      unfreezeUtxos(this.#context, checkOutputs(outputs), signal),
    )
  }

  /**
   * Gives a frozen, unspent output to another owner: `newOutput` is what it pays to whom from now on, or the
   * utxo hash of that. It can be spent `reassignedUtxoSpendableAfterBlocks` after the tip. The body of the
   * transaction keeps the old script, so that a hash computed from it is not the slot's any more.
   *
   * Throws `UTXO_ERROR` where the output is not frozen or is spent, `UTXO_HASH_MISMATCH` where `utxoHash` is
   * given and is not its hash. After a timeout, ask `get(txid, ['utxos'])` which hash the slot has.
   */
  async reassignUtxo(output: OutputInput, newOutput: NewOutput, options: CallOptions = {}): Promise<void> {
    return this.#call({ name: 'reassignUtxo', rounds: 2 }, options, signal =>
      reassignUtxo(this.#context, checkOutput('output', output), newOutput, signal),
    )
  }

  /**
   * The freeze records of a transaction's outputs, by output. An output frozen without a record (at creation, or
   * by a node that knows none) has none: `get(txid, ['utxos'])` shows it.
   */
  async getFreezeRecords(txid: TxidInput, options: CallOptions = {}): Promise<readonly FreezeRecord[]> {
    const { freezes = [] } = await this.get(txid, ['freezes'], options)
    return freezes
  }

  /**
   * Adds `change` to the count of fully spent pages on a transaction's master, kept within 0 and the number of
   * pages, and has its delete-at-height judged at `height`. Not to be repeated after a timeout: it would count
   * twice. A count that is too high prunes nothing, since the pages are read before it is believed.
   */
  async incrementSpentRecords(
    txid: TxidInput,
    change: number,
    height: number,
    options: CallOptions = {},
  ): Promise<void> {
    const call = { name: 'incrementSpentRecords', rounds: 3, endsAtClose: true }
    return this.#call(call, options, signal => {
      checkIncrement(change)
      checkHeight('height', height, { minimum: 1 })
      return this.#batchers.increment.submit({ txid: toTxid(txid), change, height }, { signal })
    })
  }

  /**
   * Writes the delete-at-height of a transaction's pages 1 to `pages`, or takes it away with 0. Pages that are
   * gone stay gone. Throws `STORAGE_ERROR` after all were tried; repeating is safe.
   */
  async setDeleteAtHeightForChildRecords(
    txid: TxidInput,
    pages: number,
    deleteAtHeight: number,
    options: CallOptions = {},
  ): Promise<void> {
    const call = { name: 'setDeleteAtHeightForChildRecords', endsAtClose: true }
    return this.#call(call, options, signal => {
      checkPageCount('pages', pages)
      checkHeight('deleteAtHeight', deleteAtHeight)
      return setDeleteAtHeightForChildRecords(this.#context, toTxid(txid), pages, deleteAtHeight, signal)
    })
  }

  /**
   * Keeps transactions from being pruned up to `height`. Only those at risk are touched, which have a
   * delete-at-height or a preservation already; others and missing ones are passed over. A record that fails is
   * logged and counted. Throws `STORAGE_ERROR` where a batch failed; repeating is safe.
   */
  async preserveTransactions(
    txids: readonly TxidInput[],
    height: number,
    options: CallOptions = {},
  ): Promise<PreserveCounts> {
    return this.#call(
      { name: 'preserveTransactions', items: lengthOf(txids), rounds: 3 },
      options,
      signal => {
        checkHeight('height', height, { minimum: 1 })
        return preserveTransactions(this.#context, uniqueTxids(checkTxids(txids)), height, signal)
      },
    )
  }

  /**
   * Ends the preservations up to `currentHeight`; what can be pruned by then, and nothing else, gets a
   * delete-at-height. Returns how many were ended. Repeating is safe.
   */
  async processExpiredPreservations(currentHeight: number, options: CallOptions = {}): Promise<number> {
    return this.#call({ name: 'processExpiredPreservations', ...QUERY }, options, signal => {
      checkHeight('currentHeight', currentHeight)
      return processExpiredPreservations(this.#context, currentHeight, signal)
    })
  }

  /** The txids (32 bytes, internal order) of transactions that have been unmined since `cutoff` or longer. */
  async queryOldUnminedTransactions(cutoff: number, options: CallOptions = {}): Promise<Uint8Array[]> {
    return this.#call({ name: 'queryOldUnminedTransactions', ...QUERY }, options, signal => {
      checkHeight('cutoff', cutoff)
      return queryOldUnminedTransactions(this.#context, cutoff, signal)
    })
  }

  /**
   * Says of transactions that they are mined on the longest chain, or (after a reorganisation) no longer are.
   * Then they count as unmined, as old as `unminedTxRetention` blocks, and are not pruned. Throws after all were
   * tried, `TX_NOT_FOUND` for a missing one; repeating is safe.
   */
  async markTransactionsOnLongestChain(
    txids: readonly TxidInput[],
    onLongestChain: boolean,
    options: CallOptions = {},
  ): Promise<void> {
    const call = { name: 'markTransactionsOnLongestChain', items: lengthOf(txids), rounds: 6 }
    return this.#call(call, options, signal => {
      checkBoolean('onLongestChain', onLongestChain)
      return markTransactionsOnLongestChain(this.#context, checkTxids(txids), onLongestChain, signal)
    })
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

  async #create(
    tx: Transaction,
    blockHeight: number,
    options: CreateOptions,
    signal: AbortSignal | undefined,
  ): Promise<TransactionMetadata> {
    const { request, metadata, links, body } = prepareCreate(this.#context, tx, blockHeight, options)
    await linkToParents(this.#context, links, signal)
    // The body first: one without a record is harmless, a record without its body is not.
    if (body !== undefined) await this.#context.external.set(txidToHex(tx.txid), body.type, body.bytes)
    await this.#batchers.store.submit(request, { signal })
    return metadata
  }

  #spend(
    tx: Transaction,
    requests: readonly SpendRequest[],
    signal: AbortSignal | undefined,
  ): Promise<Spend[]> {
    return this.#inSpendTurn(tx, signal, () =>
      spend(this.#context, this.#batchers.spend, tx, requests, signal),
    )
  }

  #inSpendTurn<Result>(
    { txid }: Transaction,
    signal: AbortSignal | undefined,
    work: () => Promise<Result>,
  ): Promise<Result> {
    const what = 'a spend of the same transaction'
    return this.#spendTurns.take(
      txidKey(txid),
      { what, waitMs: this.settings.spendWaitTimeout, signal },
      work,
    )
  }

  #inConflictTurn<Result>(signal: AbortSignal | undefined, work: () => Promise<Result>): Promise<Result> {
    const waitMs = this.#context.waitMs * WALK_ROUNDS
    return this.#conflictTurns.take('', { what: 'conflict processing', waitMs, signal }, work)
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
    this.#foundation.beginClose()
    this.#closing.abort()
    await this.#conflictCheck
    this.#context.indexes.close()
    for (const name of CLOSE_ORDER.beforeCallsEnd) await this.#batchers[name].close()
    // Calls in progress may still send follow-ups, such as those of a rollback.
    await this.#gate.idle()
    for (const name of CLOSE_ORDER.afterCallsEnd) await this.#batchers[name].close()
    await this.#foundation.release()
  }
}

/** A query takes one slice of partitions after the other, each within its own bound; it does not hold up the close. */
const QUERY = { rounds: 4_096, endsAtClose: true } as const

/** Batches that a walk over descendants may take, one for each level; no bound could hold for every chain of them. */
const WALK_ROUNDS = 64

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
