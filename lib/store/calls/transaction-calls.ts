import { promised } from '../../batching/index.ts'
import { type Transaction, type TransactionOutput, toTxid } from '../../bitcoin/index.ts'
import { checkFunction, InvalidArgumentError } from '../../errors/index.ts'
import {
  checkFields,
  DECORATE_FIELDS,
  type Field,
  GET_FIELDS,
  META_FIELDS,
  type TransactionMetadata,
} from '../../record/index.ts'
import { checkTransaction, type TransactionSource, type TxidInput } from '../arguments.ts'
import { create } from '../operations/creation/create.ts'
import type { CreateOptions } from '../operations/creation/create-options.ts'
import { createPartial, partialOutputs } from '../operations/creation/create-partial.ts'
import { type WholeTransaction, wholeTransaction } from '../operations/creation/whole-transaction.ts'
import { deleteComplete, deleteTransaction } from '../operations/pruning/delete.ts'
import { batchDecorate, type DecoratedTransaction } from '../operations/reading/batch-decorate.ts'
import {
  batchPreviousOutputs,
  type TransactionWithPreviousOutputs,
} from '../operations/reading/batch-previous-outputs.ts'
import { decorate } from '../operations/reading/previous-outputs.ts'
import { readTransaction } from '../operations/reading/read-transaction.ts'
import { TxidList } from '../txid-list.ts'
import { CREATION_ROUNDS, lengthOf } from './call-bounds.ts'
import type { BulkOptions, CallOptions } from './call-options.ts'
import { StoreCalls } from './store-calls.ts'

/** Made once: these are made a hundred thousand times a second. */
const CREATE = { name: 'create', rounds: CREATION_ROUNDS }
const GET = { name: 'get' }
const PREVIOUS_OUTPUTS = { name: 'previousOutputsDecorate' }

/** Storing, reading and deleting transactions. */
export abstract class TransactionCalls extends StoreCalls {
  /**
   * Stores a transaction's outputs as unspent. `tx` has to carry what its inputs spend (extended format, or
   * decorated by `previousOutputsDecorate`), unless it is a coinbase or `skipExtendedInputs` is set; a parsed one, and
   * the bytes it was parsed from, must stay as they are until the call has ended.
   * `blockHeight` decides coinbase maturity, which outputs are stored, and since when it counts as unmined.
   *
   * A transaction of more than `utxoBatchSize` outputs takes several records, written in two phases: no output
   * can be spent before all of them are there, and a call that was interrupted is finished by repeating it.
   *
   * Throws `TX_EXISTS` when it is stored already, and nothing is overwritten; also while another call writes its
   * records, or for up to five minutes after one died doing so, during which its outputs answer `TX_CREATING`.
   * Throws `TX_CREATING` while it is being pruned, or its lock was lost: repeat the call. After a timeout or an
   * abort the record may exist: repeat the call and take `TX_EXISTS` for success, of more than one record once `get` finds it.
   */
  create(
    tx: TransactionSource,
    blockHeight: number,
    options: CreateOptions & CallOptions = {},
  ): Promise<TransactionMetadata> {
    return this.callTo(CREATE, options, (end, signal) =>
      create(
        this.context,
        this.batchers.store,
        wholeTransaction(this.context, checkTransaction(tx), blockHeight, options),
        end,
        signal,
      ),
    )
  }

  /**
   * Stores outputs of a transaction whose body is not known, by output index, for example those of a snapshot of
   * the unspent set or of a parent that lies before the first block at hand. The record has no inputs, fee or
   * size. Otherwise as `create`; outputs other than those of an interrupted call are refused with
   * `BLOB_ALREADY_EXISTS`.
   */
  async createPartial(
    txid: TxidInput,
    outputs: ReadonlyMap<number, TransactionOutput>,
    blockHeight: number,
    options: CreateOptions & CallOptions = {},
  ): Promise<void> {
    return this.callTo({ name: 'createPartial', rounds: CREATION_ROUNDS }, options, (end, signal) => {
      const { isCoinbase = false } = options
      const partial = partialOutputs(toTxid(txid), outputs, blockHeight, isCoinbase)
      createPartial(this.context, this.batchers.store, partial, options, end, signal)
    })
  }

  /**
   * Reads a transaction. `fields` names what is wanted; by default the metadata and the transaction itself.
   * Throws `TX_NOT_FOUND` for a missing record and `STORAGE_ERROR` for a damaged one.
   */
  get(
    txid: TxidInput,
    fields: readonly Field[] = GET_FIELDS,
    options: CallOptions = {},
  ): Promise<TransactionMetadata> {
    return this.callTo(GET, options, (end, signal) => {
      const request = { txid: toTxid(txid), fields: checkFields(fields) }
      readTransaction(this.context, this.batchers.get, request, end, signal)
    })
  }

  /** Reads a transaction's metadata without its body. */
  getMeta(txid: TxidInput, options: CallOptions = {}): Promise<TransactionMetadata> {
    return this.get(txid, META_FIELDS, options)
  }

  /**
   * Reads many transactions in few batches; the list may be of any length. Returns one entry for each txid, in
   * order, with its data or its own error; a missing or damaged record fails alone.
   */
  async batchDecorate(
    txids: readonly TxidInput[],
    fields: readonly Field[] = DECORATE_FIELDS,
    options: BulkOptions = {},
  ): Promise<DecoratedTransaction[]> {
    return this.call({ name: 'batchDecorate', items: lengthOf(txids) }, options, signal => {
      const { onProgress } = options
      checkFunction('onProgress', onProgress)
      return batchDecorate(this.context, new TxidList(txids), checkFields(fields), signal, onProgress)
    })
  }

  /**
   * Returns the transaction with what its inputs spend, read from their parents; the same txid. Throws
   * `TX_NOT_FOUND` when a parent is not stored and `TX_INVALID` when it has no such output.
   */
  previousOutputsDecorate(tx: TransactionSource, options: CallOptions = {}): Promise<Transaction> {
    return this.callTo(PREVIOUS_OUTPUTS, options, (end, signal) => {
      decorate(this.batchers.outpoint, checkTransaction(tx), end, signal)
    })
  }

  /**
   * As `previousOutputsDecorate`, of many transactions; the list may be of any length. Returns one entry for each,
   * in order, with the transaction or its own error.
   */
  async batchPreviousOutputsDecorate(
    txs: readonly TransactionSource[],
    options: BulkOptions = {},
  ): Promise<TransactionWithPreviousOutputs[]> {
    const call = { name: 'batchPreviousOutputsDecorate', items: lengthOf(txs), rounds: 8 }
    return this.call(call, options, signal => {
      if (!Array.isArray(txs)) throw new InvalidArgumentError('txs', 'an array', txs)
      const { onProgress } = options
      checkFunction('onProgress', onProgress)
      return batchPreviousOutputs(this.context, this.batchers.outpoint, txs, { signal, onProgress })
    })
  }

  /** Removes a transaction's record; a missing one is fine. */
  async delete(txid: TxidInput, options: CallOptions = {}): Promise<void> {
    return this.call({ name: 'delete' }, options, signal =>
      deleteTransaction(this.context, toTxid(txid), signal),
    )
  }

  /**
   * Removes everything of a transaction: its pages, its external body, and its master record last. A missing
   * transaction is fine. Interrupted anywhere, the same call again goes on.
   */
  async deleteComplete(txid: TxidInput, options: CallOptions = {}): Promise<void> {
    return this.call({ name: 'deleteComplete', rounds: 4 }, options, signal =>
      deleteComplete(this.context, toTxid(txid), signal),
    )
  }

  /** The work of `create`, for calls of other families that store a transaction as one of their steps. */
  protected createWhole(
    creation: WholeTransaction,
    signal: AbortSignal | undefined,
  ): Promise<TransactionMetadata> {
    return promised(end => create(this.context, this.batchers.store, creation, end, signal))
  }
}
