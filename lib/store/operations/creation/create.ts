import type { Batcher } from '../../../batching/index.ts'
import { encodeExtendedTransaction, encodeTransaction, type Transaction } from '../../../bitcoin/index.ts'
import { InvalidArgumentError } from '../../../errors/index.ts'
import {
  BINS,
  binValue,
  buildRecords,
  type MinedBlockInfo,
  needsExternalBody,
  needsSeveralRecords,
  type RecordBins,
  type RecordContent,
  type RecordOptions,
  type TransactionMetadata,
  transactionContent,
  txInpointsOf,
} from '../../../record/index.ts'
import { checkBoolean, checkHeight, checkUint32 } from '../../arguments.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { uniqueTxids } from '../../txids.ts'
import { type ConflictLink, linkToParents } from '../conflicts/conflict-links.ts'
import type { CreateRequest } from './create-rows.ts'
import type { Creation } from './creation.ts'
import { storeCreation } from './store-creation.ts'

export interface CreateOptions {
  /** Blocks that hold the transaction already. */
  minedBlockInfos?: readonly MinedBlockInfo[] | undefined
  /** Overrides what the inputs say. */
  isCoinbase?: boolean | undefined
  /** Writes every output frozen by policy. */
  frozen?: boolean | undefined
  /** Refuses spends of the outputs until the lock is lifted. */
  locked?: boolean | undefined
  /**
   * Stores it as one that lost an output to another: its outputs cannot be spent, it is entered in the lists of
   * its parents, and pruned after the retention.
   */
  conflicting?: boolean | undefined
  /** Accepts a transaction whose inputs do not carry what they spend; its fee is stored as 0. */
  skipExtendedInputs?: boolean | undefined
}

export interface PreparedCreate {
  readonly creation: Creation
  /** What `create` answers. */
  readonly metadata: TransactionMetadata
  /** Parents whose lists it has to be in before the records are written. */
  readonly links: readonly ConflictLink[]
}

/** Checks a transaction; throws before anything is queued (semantics 3.4, steps 1 to 4). */
export function prepareCreate(
  context: StoreContext,
  tx: Transaction,
  blockHeight: number,
  options: CreateOptions,
): PreparedCreate {
  checkHeight('blockHeight', blockHeight)
  const { isCoinbase = tx.isCoinbase, skipExtendedInputs = false } = options
  checkBoolean('isCoinbase', isCoinbase)
  checkBoolean('skipExtendedInputs', skipExtendedInputs)
  const content = transactionContent(tx, { isCoinbase, skipExtendedInputs })
  const { externalizeAllTransactions, utxoBatchSize } = context.settings
  const creating = needsSeveralRecords(tx.outputs.length, utxoBatchSize)
  const external = externalizeAllTransactions || creating || needsExternalBody(tx)
  const creation = creationOf(
    tx,
    content,
    checkRecordOptions(context, blockHeight, options, { creating, external }),
  )
  return {
    creation,
    metadata: createdMetadata(content, creation.records.master, options),
    links: options.conflicting === true && !isCoinbase ? linksOf(tx) : [],
  }
}

/** Stores a prepared transaction: what has to be there before its records, then the records. */
export function create(
  context: StoreContext,
  batcher: Batcher<CreateRequest, void>,
  { creation, metadata, links }: PreparedCreate,
  signal: AbortSignal | undefined,
): Promise<TransactionMetadata> {
  const store = (): Promise<TransactionMetadata> =>
    storeCreation(context, batcher, creation, signal).then(({ isExternal }) =>
      isExternal === metadata.external ? metadata : { ...metadata, external: isExternal },
    )
  return links.length === 0 ? store() : linkToParents(context, links, signal).then(store)
}

function creationOf(tx: Transaction, content: RecordContent, options: RecordOptions): Creation {
  const body = { type: 'tx', encode: () => bodyOf(tx) } as const
  return {
    txid: content.txid,
    records: buildRecords(content, options),
    body: options.external ? body : undefined,
    withExternalBody: () => creationOf(tx, content, { ...options, external: true }),
  }
}

function linksOf({ txid, inputs }: Transaction): ConflictLink[] {
  const parents = uniqueTxids(inputs.map(({ previousTxid }) => previousTxid))
  return parents.map(parentTxid => ({ parentTxid, childTxid: txid }))
}

function createdMetadata(
  content: RecordContent,
  master: RecordBins,
  { minedBlockInfos = [], locked = false, conflicting = false }: CreateOptions,
): TransactionMetadata {
  return {
    txid: content.txid,
    locktime: content.locktime,
    fee: Number(content.fee),
    sizeInBytes: content.sizeInBytes,
    extendedSize: content.extendedSize,
    txInpoints: txInpointsOf(content.inputs),
    isCoinbase: content.isCoinbase,
    conflicting,
    locked,
    creating: false,
    external: binValue(master, BINS.external) === true,
    blockIds: minedBlockInfos.map(info => info.blockId),
    blockHeights: minedBlockInfos.map(info => info.blockHeight),
    subtreeIdxs: minedBlockInfos.map(info => info.subtreeIdx),
    recordUtxos: Number(binValue(master, BINS.recordUtxos)),
    totalUtxos: content.outputs.length,
  }
}

/** Checks the options of a creation and adds what settings and clock say. */
export function checkRecordOptions(
  context: StoreContext,
  blockHeight: number,
  options: CreateOptions,
  { creating, external }: Pick<RecordOptions, 'creating' | 'external'>,
): RecordOptions {
  checkHeight('blockHeight', blockHeight)
  const { minedBlockInfos = [], frozen = false, locked = false, conflicting = false } = options
  if (!Array.isArray(minedBlockInfos))
    throw new InvalidArgumentError('minedBlockInfos', 'an array', minedBlockInfos)
  for (const [index, info] of minedBlockInfos.entries()) {
    checkUint32(`minedBlockInfos[${index}].blockId`, info.blockId)
    checkHeight(`minedBlockInfos[${index}].blockHeight`, info.blockHeight)
    checkUint32(`minedBlockInfos[${index}].subtreeIdx`, info.subtreeIdx)
  }
  checkBoolean('frozen', frozen)
  checkBoolean('locked', locked)
  checkBoolean('conflicting', conflicting)
  const { coinbaseMaturity, genesisActivationHeight, utxoBatchSize } = context.settings
  return {
    blockHeight,
    minedBlockInfos,
    frozen,
    locked,
    conflicting,
    creating,
    external,
    coinbaseMaturity,
    genesisActivationHeight,
    retention: context.retention,
    utxoBatchSize,
    nowMs: Date.now(),
  }
}

/** The body as readers expect it: extended where the inputs carry what they spend. */
function bodyOf(tx: Transaction): Uint8Array {
  return tx.isExtended ? encodeExtendedTransaction(tx) : encodeTransaction(tx)
}
