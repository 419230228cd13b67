import { type TransactionOutput, utxoHash } from '../bitcoin/index.ts'
import { InvalidArgumentError } from '../errors/index.ts'
import type { BinValue } from './bin-value.ts'
import { BINS } from './bins.ts'
import type { RecordContent } from './record-content.ts'
import { isSpendable } from './spendable-output.ts'
import { encodeStoredInput, encodeStoredOutput } from './stored-transaction.ts'
import { newSlot } from './utxo-slot.ts'

/** A block that holds a transaction. */
export interface MinedBlockInfo {
  readonly blockId: number
  readonly blockHeight: number
  readonly subtreeIdx: number
}

export interface RecordOptions {
  /** Decides maturity, which outputs get a slot, and since when the transaction is unmined (semantics 1.7). */
  readonly blockHeight: number
  readonly minedBlockInfos: readonly MinedBlockInfo[]
  readonly frozen: boolean
  readonly conflicting: boolean
  readonly locked: boolean
  /** Marks the records as not complete yet, until a second phase clears the mark (semantics 1.11). */
  readonly creating: boolean
  /** The body is in the external store. */
  readonly external: boolean
  readonly coinbaseMaturity: number
  readonly genesisActivationHeight: number
  /** Blocks that a transaction is kept when nothing is left to wait for; 0 keeps it. */
  readonly retention: number
  readonly utxoBatchSize: number
  /** Unix milliseconds. */
  readonly nowMs: number
}

export type RecordBins = ReadonlyMap<string, BinValue>

/** The records of one transaction: its master, and pages 1, 2, … where it has more outputs than fit into one. */
export interface TransactionRecords {
  readonly master: RecordBins
  readonly pages: readonly RecordBins[]
}

/** Builds every record of a transaction as it is at creation (semantics 1.5 to 1.10, 3.4). */
export function buildRecords(content: RecordContent, options: RecordOptions): TransactionRecords {
  const slots = content.outputs.map((output, vout) => slotOf(content, output, vout, options))
  const { utxoBatchSize } = options
  const recordCount = Math.max(1, Math.ceil(slots.length / utxoBatchSize))
  const records = Array.from({ length: recordCount }, (_, record) =>
    commonBins(content, options, slots.slice(record * utxoBatchSize, (record + 1) * utxoBatchSize)),
  )
  const [master = new Map<string, BinValue>(), ...pages] = records
  addMasterBins(master, pages, content, options)
  return { master, pages }
}

type MutableBins = Map<string, BinValue>

function slotOf(
  { txid }: RecordContent,
  output: TransactionOutput | null,
  vout: number,
  { blockHeight, genesisActivationHeight, frozen }: RecordOptions,
): Uint8Array | null {
  if (output === null || !isSpendable(output.lockingScript, blockHeight, genesisActivationHeight)) return null
  return newSlot(utxoHash(txid, vout, output.lockingScript, output.satoshis), { frozen })
}

function commonBins(
  content: RecordContent,
  options: RecordOptions,
  slots: readonly (Uint8Array | null)[],
): MutableBins {
  const bins: MutableBins = new Map<string, BinValue>([
    [BINS.txid, content.txid],
    [BINS.version, content.version],
    [BINS.locktime, content.locktime],
    [BINS.fee, int64('fee', content.fee)],
    [BINS.sizeInBytes, content.sizeInBytes],
    [BINS.extendedSize, content.extendedSize],
    [BINS.spentUtxos, 0],
    [BINS.recordUtxos, slots.filter(slot => slot !== null).length],
    [BINS.utxos, slots],
    [BINS.isCoinbase, content.isCoinbase],
    [BINS.conflicting, options.conflicting],
    [BINS.locked, options.locked],
  ])
  if (content.isCoinbase) bins.set(BINS.spendingHeight, options.blockHeight + options.coinbaseMaturity)
  if (options.creating) bins.set(BINS.creating, true)
  return bins
}

function addMasterBins(
  master: MutableBins,
  pages: readonly MutableBins[],
  content: RecordContent,
  options: RecordOptions,
): void {
  const { minedBlockInfos, blockHeight, retention, conflicting } = options
  master.set(BINS.totalExtraRecs, pages.length)
  master.set(BINS.totalUtxos, content.outputs.length)
  master.set(
    BINS.blockIds,
    minedBlockInfos.map(info => info.blockId),
  )
  master.set(
    BINS.blockHeights,
    minedBlockInfos.map(info => info.blockHeight),
  )
  master.set(
    BINS.subtreeIdxs,
    minedBlockInfos.map(info => info.subtreeIdx),
  )
  master.set(BINS.createdAt, options.nowMs)
  // Index queries begin at 1, so a 0 would never be found (semantics 1.9).
  if (minedBlockInfos.length === 0) master.set(BINS.unminedSince, Math.max(1, blockHeight))
  if (options.external) master.set(BINS.external, true)
  else {
    master.set(BINS.inputs, content.inputs.map(encodeStoredInput))
    master.set(
      BINS.outputs,
      content.outputs.map(output => (output === null ? null : encodeStoredOutput(output))),
    )
  }
  seedSpentPages(master, pages)
  if (retention > 0 && (conflicting || (minedBlockInfos.length > 0 && !hasSpendable(master, pages)))) {
    master.set(BINS.deleteAtHeight, blockHeight + retention)
  }
}

/** No function is ever called on a page without spendable outputs, so it is counted as spent from the start (semantics 1.15). */
function seedSpentPages(master: MutableBins, pages: readonly MutableBins[]): void {
  const spent = pages.filter(page => page.get(BINS.recordUtxos) === 0)
  for (const page of spent) page.set(BINS.lastSpentState, 'ALLSPENT')
  if (spent.length > 0) master.set(BINS.spentExtraRecs, spent.length)
}

/** Without one, neither a spend nor a later block ever visits the record again (semantics 3.4, step 7). */
function hasSpendable(master: RecordBins, pages: readonly RecordBins[]): boolean {
  return [master, ...pages].some(record => record.get(BINS.recordUtxos) !== 0)
}

function int64(field: string, value: bigint): number | bigint {
  if (BigInt.asIntN(64, value) !== value)
    throw new InvalidArgumentError(field, 'an amount within 64 bits', value)
  return Number.isSafeInteger(Number(value)) ? Number(value) : value
}
