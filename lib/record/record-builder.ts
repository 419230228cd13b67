import { type TransactionOutput, utxoHash } from '../bitcoin/index.ts'
import { InvalidArgumentError } from '../errors/index.ts'
import type { BinValue } from './bin-value.ts'
import { BINS } from './bins.ts'
import { heightAfter } from './height.ts'
import { PAGES_MAX } from './page-count.ts'
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

/** A bin of a new record, as a batch row writes it: no other form of it is made on the way. */
export interface NewBin {
  readonly kind: 'put'
  readonly bin: string
  readonly value: BinValue
}

export type RecordBins = readonly NewBin[]

/** The value of a bin; undefined where the record does not have it. */
export function binValue(bins: RecordBins, bin: string): BinValue | undefined {
  return bins.find(each => each.bin === bin)?.value
}

/**
 * The records of one transaction: its master, and pages 1, 2, … where it has more outputs than fit into one. Each is
 * built when it is asked for, anew: those of a million outputs are never in memory together, nor those of thousands of
 * transactions that wait to be sent.
 */
export interface TransactionRecords {
  readonly pageCount: number
  /** How many outputs of the master can be spent. */
  readonly recordUtxos: number
  /** The bin of this name, unix milliseconds. */
  readonly createdAt: number
  master(): RecordBins
  /** Page 1 to `pageCount`. */
  page(page: number): RecordBins
}

/**
 * The records of a transaction as they are at creation (semantics 1.5 to 1.10, 3.4). Throws for more pages than are
 * believed of a record when it is read.
 */
export function buildRecords(content: RecordContent, options: RecordOptions): TransactionRecords {
  const records = new NewRecords(content, options)
  if (records.pageCount > PAGES_MAX) {
    const outputs = content.outputs.length
    const least = Math.ceil(outputs / (PAGES_MAX + 1))
    throw new InvalidArgumentError(
      'utxoBatchSize',
      `at least ${least} for a transaction of ${outputs} outputs`,
      options.utxoBatchSize,
    )
  }
  return records
}

class NewRecords implements TransactionRecords {
  readonly #content: RecordContent
  readonly #options: RecordOptions

  constructor(content: RecordContent, options: RecordOptions) {
    this.#content = content
    this.#options = options
  }

  get pageCount(): number {
    return Math.max(0, Math.ceil(this.#content.outputs.length / this.#options.utxoBatchSize) - 1)
  }

  get createdAt(): number {
    return this.#options.nowMs
  }

  get recordUtxos(): number {
    const { outputs } = this.#content
    const end = Math.min(outputs.length, this.#options.utxoBatchSize)
    let count = 0
    for (let vout = 0; vout < end; vout++) if (hasSlot(outputs[vout] ?? null, this.#options)) count += 1
    return count
  }

  master(): RecordBins {
    const slots = slotsOf(this.#content, this.#options, 0)
    const master = stateBins(slots, this.#options)
    addMasterStateBins(master, this.pageCount, this.#options)
    addCommonBins(master, this.#content, this.#options)
    addMasterBins(master, this.pageCount, countOf(slots), this.#content, this.#options)
    return master
  }

  page(page: number): RecordBins {
    const { pageCount } = this
    if (!Number.isSafeInteger(page) || page < 1 || page > pageCount)
      throw new InvalidArgumentError('page', `a page from 1 to ${pageCount}`, page)
    const slots = slotsOf(this.#content, this.#options, page)
    const bins = stateBins(slots, this.#options)
    addCommonBins(bins, this.#content, this.#options)
    if (countOf(slots) === 0) bins.push(put(BINS.lastSpentState, 'ALLSPENT'))
    return bins
  }
}

type Slots = readonly (Uint8Array | null)[]

/** The last bin of each name with a value that others may have, too: most transactions are alike in most bins. */
const shared = new Map<string, NewBin>()

function put(bin: string, value: BinValue): NewBin {
  if (typeof value === 'object' && value !== NO_ITEMS) return { kind: 'put', bin, value }
  const last = shared.get(bin)
  if (last?.value === value) return last
  const made: NewBin = { kind: 'put', bin, value }
  shared.set(bin, made)
  return made
}

const NO_ITEMS: readonly never[] = []

function list<Item, Value extends BinValue>(
  items: readonly Item[],
  toValue: (item: Item) => Value,
): readonly Value[] {
  return items.length === 0 ? NO_ITEMS : items.map(toValue)
}

function outputsOf(
  { outputs }: RecordContent,
  { utxoBatchSize }: RecordOptions,
  page: number,
): RecordContent['outputs'] {
  return outputs.slice(page * utxoBatchSize, (page + 1) * utxoBatchSize)
}

function hasSlot(
  output: TransactionOutput | null,
  { blockHeight, genesisActivationHeight }: RecordOptions,
): output is TransactionOutput {
  return output !== null && isSpendable(output.lockingScript, blockHeight, genesisActivationHeight)
}

function slotOf(
  { txid }: RecordContent,
  output: TransactionOutput | null,
  vout: number,
  options: RecordOptions,
): Uint8Array | null {
  if (!hasSlot(output, options)) return null
  return newSlot(utxoHash(txid, vout, output.lockingScript, output.satoshis), { frozen: options.frozen })
}

function slotsOf(content: RecordContent, options: RecordOptions, page: number): Slots {
  const first = page * options.utxoBatchSize
  return outputsOf(content, options, page).map((output, offset) =>
    slotOf(content, output, first + offset, options),
  )
}

/** How many slots are of spendable outputs. */
function countOf(slots: Slots): number {
  let count = 0
  for (const slot of slots) if (slot !== null) count += 1
  return count
}

/**
 * What spends and blocks ask of every record: a server looks for a bin through all that stand before it, so that these,
 * and the master's, come first.
 */
function stateBins(slots: Slots, { locked, conflicting }: RecordOptions): NewBin[] {
  return [
    put(BINS.utxos, slots),
    put(BINS.locked, locked),
    put(BINS.conflicting, conflicting),
    put(BINS.spentUtxos, 0),
    put(BINS.recordUtxos, countOf(slots)),
  ]
}

function addMasterStateBins(master: NewBin[], pageCount: number, { minedBlockInfos }: RecordOptions): void {
  master.push(put(BINS.totalExtraRecs, pageCount))
  master.push(put(BINS.blockIds, list(minedBlockInfos, blockIdOf)))
  master.push(put(BINS.blockHeights, list(minedBlockInfos, blockHeightOf)))
  master.push(put(BINS.subtreeIdxs, list(minedBlockInfos, subtreeIdxOf)))
}

function addCommonBins(bins: NewBin[], content: RecordContent, options: RecordOptions): void {
  bins.push(put(BINS.txid, content.txid))
  bins.push(put(BINS.version, content.version))
  bins.push(put(BINS.locktime, content.locktime))
  bins.push(put(BINS.fee, content.fee))
  bins.push(put(BINS.sizeInBytes, content.sizeInBytes))
  bins.push(put(BINS.extendedSize, content.extendedSize))
  bins.push(put(BINS.isCoinbase, content.isCoinbase))
  if (content.isCoinbase)
    bins.push(put(BINS.spendingHeight, heightAfter(options.blockHeight, options.coinbaseMaturity)))
  if (options.creating) bins.push(put(BINS.creating, true))
}

function addMasterBins(
  master: NewBin[],
  pageCount: number,
  slotCount: number,
  content: RecordContent,
  options: RecordOptions,
): void {
  const { minedBlockInfos, blockHeight, retention, conflicting } = options
  master.push(put(BINS.totalUtxos, content.outputs.length))
  master.push(put(BINS.createdAt, options.nowMs))
  // Index queries begin at 1, so a 0 would never be found (semantics 1.9).
  if (minedBlockInfos.length === 0) master.push(put(BINS.unminedSince, Math.max(1, blockHeight)))
  if (options.external) master.push(put(BINS.external, true))
  else {
    master.push(put(BINS.inputs, list(content.inputs, encodeStoredInput)))
    master.push(put(BINS.outputs, list(content.outputs, storedOutputOf)))
  }
  // No function is ever called on a page without spendable outputs, so it counts as spent from the start
  // (semantics 1.15).
  const spentPages = countPagesWithoutSlots(pageCount, content, options)
  if (spentPages > 0) master.push(put(BINS.spentExtraRecs, spentPages))
  const hasSlots = slotCount > 0 || spentPages < pageCount
  // Without any, neither a spend nor a later block ever visits the record again (semantics 3.4, step 7).
  if (retention > 0 && (conflicting || (minedBlockInfos.length > 0 && !hasSlots)))
    master.push(put(BINS.deleteAtHeight, heightAfter(blockHeight, retention)))
}

function blockIdOf({ blockId }: MinedBlockInfo): number {
  return blockId
}

function blockHeightOf({ blockHeight }: MinedBlockInfo): number {
  return blockHeight
}

function subtreeIdxOf({ subtreeIdx }: MinedBlockInfo): number {
  return subtreeIdx
}

function storedOutputOf(output: TransactionOutput | null): Uint8Array | null {
  return output === null ? null : encodeStoredOutput(output)
}

function countPagesWithoutSlots(pageCount: number, content: RecordContent, options: RecordOptions): number {
  let count = 0
  for (let page = 1; page <= pageCount; page++) {
    if (!outputsOf(content, options, page).some(output => hasSlot(output, options))) count += 1
  }
  return count
}
