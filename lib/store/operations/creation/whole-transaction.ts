import { encodeExtendedTransaction, encodeTransaction, type Transaction } from '../../../bitcoin/index.ts'
import {
  buildRecords,
  encodePartialOutputs,
  needsExternalBody,
  needsSeveralRecords,
  type RecordContent,
  type RecordOptions,
  type TransactionMetadata,
  type TransactionRecords,
  transactionContent,
  txInpointsOf,
} from '../../../record/index.ts'
import { checkBoolean, checkHeight } from '../../arguments.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { type CreateOptions, checkRecordOptions } from './create-options.ts'
import type { Creation, CreationBody } from './creation.ts'

/**
 * A transaction that is to be stored with its inputs and all its outputs. Throws where it, or an option, is wrong
 * (semantics 3.4, steps 1 to 4).
 */
export function wholeTransaction(
  context: StoreContext,
  tx: Transaction,
  blockHeight: number,
  options: CreateOptions,
): WholeTransaction {
  checkHeight('blockHeight', blockHeight)
  const { isCoinbase = tx.isCoinbase, skipExtendedInputs = false } = options
  checkBoolean('isCoinbase', isCoinbase)
  checkBoolean('skipExtendedInputs', skipExtendedInputs)
  const content = transactionContent(tx, { isCoinbase, skipExtendedInputs })
  const { externalizeAllTransactions, utxoBatchSize } = context.settings
  const creating = needsSeveralRecords(tx.outputs.length, utxoBatchSize)
  const external = externalizeAllTransactions || creating || needsExternalBody(tx)
  return new WholeTransaction(
    tx,
    content,
    checkRecordOptions(context, blockHeight, options, { creating, external }),
  )
}

/** What the records are made of; thousands are under way at a time. */
export class WholeTransaction implements Creation {
  mayExist = false
  #records: TransactionRecords
  #options: RecordOptions
  readonly #tx: Transaction
  readonly #content: RecordContent

  constructor(tx: Transaction, content: RecordContent, options: RecordOptions) {
    this.#records = buildRecords(content, options)
    this.#tx = tx
    this.#content = content
    this.#options = options
  }

  get txid(): Uint8Array {
    return this.#content.txid
  }

  get records(): TransactionRecords {
    return this.#records
  }

  /** What it spends. */
  get inputs(): Transaction['inputs'] {
    return this.#tx.inputs
  }

  /** Whether its parents have to list it before its records are written, as those of a conflicting transaction. */
  get needsParentLinks(): boolean {
    return this.#options.conflicting && !this.#content.isCoinbase
  }

  get body(): CreationBody | undefined {
    const { external, blockHeight } = this.#options
    if (!external) return undefined
    return this.inputs.length === 0
      ? { type: 'outputs', encode: () => encodePartialOutputs({ ...this.#content, blockHeight }) }
      : { type: 'tx', encode: () => bodyOf(this.#tx) }
  }

  moveBodyOutside(): void {
    this.#options = { ...this.#options, external: true }
    this.#records = buildRecords(this.#content, this.#options)
  }

  /** What `create` answers when the records are there. */
  metadata(): TransactionMetadata {
    const { minedBlockInfos, locked, conflicting, external } = this.#options
    const content = this.#content
    return {
      txid: content.txid,
      locktime: content.locktime,
      fee: content.fee,
      sizeInBytes: content.sizeInBytes,
      extendedSize: content.extendedSize,
      txInpoints: txInpointsOf(content.inputs),
      isCoinbase: content.isCoinbase,
      conflicting,
      locked,
      creating: false,
      external,
      blockIds: minedBlockInfos.map(info => info.blockId),
      blockHeights: minedBlockInfos.map(info => info.blockHeight),
      subtreeIdxs: minedBlockInfos.map(info => info.subtreeIdx),
      recordUtxos: this.#records.recordUtxos,
      totalUtxos: content.outputs.length,
    }
  }
}

/** The body as readers expect it: extended where the inputs carry what they spend. */
function bodyOf(tx: Transaction): Uint8Array {
  return tx.isExtended ? encodeExtendedTransaction(tx) : encodeTransaction(tx)
}
