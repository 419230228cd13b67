import type { Batcher, BatchHandler } from '../../../batching/index.ts'
import {
  encodeExtendedTransaction,
  encodeTransaction,
  type Transaction,
  txidToHex,
} from '../../../bitcoin/index.ts'
import { InvalidArgumentError, StoreError } from '../../../errors/index.ts'
import type { BlobType } from '../../../external/index.ts'
import {
  BINS,
  buildRecords,
  type MinedBlockInfo,
  masterKey,
  needsExternalBody,
  needsSeveralRecords,
  type RecordBins,
  type RecordContent,
  type RecordOptions,
  type TransactionMetadata,
  transactionContent,
  txInpointsOf,
} from '../../../record/index.ts'
import { RESULT_CODES, statusText, type WriteRow } from '../../../transport/index.ts'
import { checkBoolean, checkHeight, checkUint32 } from '../../arguments.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { dispatchRows } from '../../dispatch/dispatch-rows.ts'
import { rowError } from '../../store-errors.ts'
import { uniqueTxids } from '../../txids.ts'
import { type ConflictLink, linkToParents } from '../conflicts/conflict-links.ts'

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

export interface CreateRequest {
  readonly txid: Uint8Array
  readonly row: WriteRow
}

export interface PreparedCreate {
  readonly request: CreateRequest
  /** What `create` answers. */
  readonly metadata: TransactionMetadata
  /** Parents whose lists it has to be in before the record is written. */
  readonly links: readonly ConflictLink[]
  /** What has to be in the external store before the record is written. */
  readonly body: { readonly type: BlobType; readonly bytes: Uint8Array } | undefined
}

/** Checks a transaction and builds its record; throws before anything is queued (semantics 3.4, steps 1 to 4). */
export function prepareCreate(
  context: StoreContext,
  tx: Transaction,
  blockHeight: number,
  options: CreateOptions,
): PreparedCreate {
  const recordOptions = checkRecordOptions(context, blockHeight, options)
  const { isCoinbase = tx.isCoinbase, skipExtendedInputs = false } = options
  checkBoolean('isCoinbase', isCoinbase)
  checkBoolean('skipExtendedInputs', skipExtendedInputs)
  const content = transactionContent(tx, { isCoinbase, skipExtendedInputs })
  if (needsSeveralRecords(tx.outputs.length, context.settings.utxoBatchSize))
    throw tooManyOutputs(context, tx)
  const external = needsExternalBody(tx)
  const { master } = buildRecords(content, { ...recordOptions, external })
  const bytes = external ? bodyOf(tx) : undefined
  return {
    request: { txid: tx.txid, row: createRow(context, masterKey(tx.txid), master) },
    metadata: createdMetadata(content, master, options),
    links: options.conflicting === true && !isCoinbase ? linksOf(tx) : [],
    body: bytes === undefined ? undefined : { type: 'tx', bytes },
  }
}

/** Stores a prepared transaction: what has to be there before its record, then the record. */
export async function create(
  context: StoreContext,
  batcher: Batcher<CreateRequest, void>,
  { request, metadata, links, body }: PreparedCreate,
  signal: AbortSignal | undefined,
): Promise<TransactionMetadata> {
  await linkToParents(context, links, signal)
  // The body first: one without a record is harmless, a record without its body is not.
  if (body !== undefined) await context.external.set(txidToHex(request.txid), body.type, body.bytes)
  await batcher.submit(request, { signal })
  return metadata
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
    external: master.has(BINS.external),
    blockIds: minedBlockInfos.map(info => info.blockId),
    blockHeights: minedBlockInfos.map(info => info.blockHeight),
    subtreeIdxs: minedBlockInfos.map(info => info.subtreeIdx),
    recordUtxos: Number(master.get(BINS.recordUtxos)),
    totalUtxos: content.outputs.length,
  }
}

/** Checks the options of a creation and adds what settings and clock say. */
export function checkRecordOptions(
  context: StoreContext,
  blockHeight: number,
  options: CreateOptions,
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
    creating: false,
    external: false,
    coinbaseMaturity,
    genesisActivationHeight,
    retention: context.retention,
    utxoBatchSize,
    nowMs: Date.now(),
  }
}

export function createRow(context: StoreContext, userKey: Uint8Array, bins: RecordBins): WriteRow {
  return {
    kind: 'write',
    key: { set: context.set, userKey },
    operations: [...bins].map(([bin, value]) => ({ kind: 'put', bin, value })),
    exists: 'create-only',
  }
}

/** Writes a batch of new records, each create-only: an existing record is never overwritten. */
export function createHandler(context: StoreContext): BatchHandler<CreateRequest, void> {
  return items =>
    dispatchRows(context, items, {
      toRow: request => request.row,
      describe: request => `creating ${txidToHex(request.txid)}`,
      settle: (item, answer) => {
        const error = createError(item.request.txid, answer.status, answer.inDoubt)
        if (error === undefined) item.succeed()
        else item.fail(error)
      },
    })
}

function createError(txid: Uint8Array, status: number, inDoubt: boolean): StoreError | undefined {
  const hex = txidToHex(txid)
  switch (status) {
    case RESULT_CODES.OK:
      return undefined
    case RESULT_CODES.RECORD_EXISTS:
      return new StoreError('TX_EXISTS', `transaction ${hex} exists already`)
    case RESULT_CODES.RECORD_TOO_BIG:
      return new StoreError(
        'PROCESSING',
        `transaction ${hex} is too large for one record: ${statusText(status)}`,
      )
    default:
      return rowError(`creating ${hex}`, status, inDoubt)
  }
}

/** The body as readers expect it: extended where the inputs carry what they spend. */
function bodyOf(tx: Transaction): Uint8Array {
  return tx.isExtended ? encodeExtendedTransaction(tx) : encodeTransaction(tx)
}

function tooManyOutputs({ settings }: StoreContext, tx: Transaction): StoreError {
  return new StoreError(
    'PROCESSING',
    `transaction ${txidToHex(tx.txid)} has ${tx.outputs.length} outputs; this version stores up to ${settings.utxoBatchSize}, what fits into one record`,
  )
}
