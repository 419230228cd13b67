import {
  MerkleTree,
  ParseError,
  SpendError,
  StoreError,
  type Transaction,
  txidKey,
  txidToHex,
  type UtxoStore,
} from '../../index.ts'
import { inLanes } from '../lanes.ts'
import { damagedBlock, type IndexedBlock, openBlock } from './block-index.ts'
import { extendWithParents } from './previous-outputs.ts'
import type { StandInParent } from './stand-in-parents.ts'
import { windowsOf } from './transaction-windows.ts'
import type { TxidFile } from './txid-file.ts'
import { wavesOf } from './waves.ts'

/** What a replay did. */
export interface ReplayCounts {
  blocks: number
  transactions: number
  /** Outputs stored as spendable, by the rule of what becomes a slot. */
  outputsCreated: number
  inputsSpent: number
  /** Inputs among them whose output was made in the same block. */
  inputsSpentInBlock: number
  doubleSpendsRefused: number
  /** Transactions that were in the store before. */
  transactionsAlreadyStored: number
  parentsSeeded: number
  /** Parents that are neither in the files nor in the store. */
  missingParents: number
  /** Transactions that spend from a missing parent or from a refused transaction. */
  transactionsLeftOut: number
}

export interface ReplayObserver {
  /** A double spend was refused; the error names the winner. */
  refused?(tx: Transaction, error: SpendError): void
  /** Transactions done, for a progress bar. */
  advanced?(transactions: number): void
}

/** Calls in progress at the store; its batchers make few batches of them. */
const CALLS_IN_PROGRESS = 2_048

/** Stand-ins are created one by one, past the batchers: more than there are connections would only wait for one. */
const SEEDS_IN_PROGRESS = 128

/** Missing parents that are told apart; beyond them one that is missed in several blocks counts again. */
const MISSING_TOLD_APART = 1_000_000

/**
 * Replays blocks through the public API of a store: spend, then create, in the order of dependence, then set mined.
 * A block is proven first, then taken some transactions at a time, so that neither its size nor the number of
 * blocks makes a difference in memory. Repeating a block, whole or in part, changes nothing.
 */
export class ReplayJob {
  readonly counts: ReplayCounts = {
    blocks: 0,
    transactions: 0,
    outputsCreated: 0,
    inputsSpent: 0,
    inputsSpentInBlock: 0,
    doubleSpendsRefused: 0,
    transactionsAlreadyStored: 0,
    parentsSeeded: 0,
    missingParents: 0,
    transactionsLeftOut: 0,
  }
  readonly #store: UtxoStore
  /** Transactions of the replayed blocks that are in the store. */
  readonly #stored: TxidFile
  readonly #observer: ReplayObserver
  readonly #missingParents = new Set<string>()
  /** Transactions of the block in work that are not stored, because an input is taken or was refused with them. */
  #refused = new Set<string>()

  constructor(store: UtxoStore, stored: TxidFile, observer: ReplayObserver = {}) {
    this.#store = store
    this.#stored = stored
    this.#observer = observer
  }

  /** Creates the stand-in parents that are not in the store. */
  async seed(parents: readonly StandInParent[], height: number): Promise<void> {
    await inLanes(parents, SEEDS_IN_PROGRESS, async ({ txid, outputs }) => {
      if (await isNew(() => this.#store.createPartial(txid, outputs, height))) this.counts.parentsSeeded += 1
      this.#observer.advanced?.(1)
    })
  }

  /** Replays one block at its height. Of a block that is damaged nothing is stored. */
  async replay(block: IndexedBlock, height: number): Promise<void> {
    await proveBlock(block)
    this.#store.setBlockState(height, block.timestamp)
    this.#refused = new Set()
    const { transactions } = await openBlock(block)
    for await (const window of windowsOf(transactions)) await this.#replayWindow(window, height)
    this.counts.blocks += 1
    this.counts.transactions += block.transactionCount
  }

  async #replayWindow(window: readonly Transaction[], height: number): Promise<void> {
    const among = new Map(window.map(tx => [txidKey(tx.txid), tx]))
    const { extended, missing, ofBlock } = await extendWithParents(this.#store, window, among, height)
    this.#countMissing(missing)
    this.counts.transactionsLeftOut += window.length - extended.length
    const isOfBlock = (key: string): boolean => among.has(key) || ofBlock.has(key)

    const stored: Uint8Array[] = []
    for (const wave of wavesOf(extended)) {
      await inLanes(wave, CALLS_IN_PROGRESS, async tx => {
        if (await this.#spend(tx, height, isOfBlock)) {
          await this.#create(tx, height)
          stored.push(tx.txid)
        } else this.#refused.add(txidKey(tx.txid))
        this.#observer.advanced?.(1)
      })
    }
    const mined = { blockId: height, blockHeight: height, subtreeIdx: 0, onLongestChain: true }
    await this.#store.setMinedMulti(stored, mined)
    await this.#stored.append(stored)
  }

  #countMissing(missing: readonly string[]): void {
    for (const parent of missing) {
      // It was refused earlier in this block; it does not lie before the files.
      if (this.#refused.has(parent) || this.#missingParents.has(parent)) continue
      if (this.#missingParents.size < MISSING_TOLD_APART) this.#missingParents.add(parent)
      this.counts.missingParents += 1
    }
  }

  /** True when the transaction holds all its inputs; one that spends from a refused one is left out with it. */
  async #spend(tx: Transaction, height: number, isOfBlock: (key: string) => boolean): Promise<boolean> {
    if (tx.inputs.some(({ previousTxid }) => this.#refused.has(txidKey(previousTxid)))) {
      this.counts.transactionsLeftOut += 1
      return false
    }
    try {
      const spends = await this.#store.spend(tx, height)
      this.counts.inputsSpent += spends.length
      this.counts.inputsSpentInBlock += spends.filter(({ txid }) => isOfBlock(txidKey(txid))).length
      return true
    } catch (error) {
      if (
        !(error instanceof SpendError) ||
        !error.spends.some(({ error: cause }) => cause?.code === 'UTXO_SPENT')
      )
        throw error
      this.counts.doubleSpendsRefused += 1
      this.#observer.refused?.(tx, error)
      return false
    }
  }

  async #create(tx: Transaction, height: number): Promise<void> {
    const { utxoBatchSize } = this.#store.settings
    const created = await isNew(async () => {
      const { recordUtxos = 0 } = await this.#store.create(tx, height)
      const slots = tx.outputs.length > utxoBatchSize ? await this.#slotsOf(tx) : recordUtxos
      this.counts.outputsCreated += slots
    })
    if (!created) this.counts.transactionsAlreadyStored += 1
  }

  /** Of all records; what a creation answers tells of the first one only. */
  async #slotsOf({ txid }: Transaction): Promise<number> {
    const { utxos = [] } = await this.#store.get(txid, ['utxos'])
    return utxos.filter(({ state }) => state !== 'nil').length
  }
}

/** Reads a block to its end and proves that it holds the transactions that its header commits to. */
async function proveBlock(block: IndexedBlock): Promise<void> {
  const tree = new MerkleTree()
  try {
    const { header, transactions } = await openBlock(block)
    for await (const { txid } of transactions) tree.add(txid)
    const root = tree.finish()
    if (root !== undefined && !tree.repeats && Buffer.compare(root, header.merkleRoot) === 0) return
  } catch (error) {
    if (error instanceof ParseError) throw damagedBlock(block, `is damaged: ${error.message}`, error)
    throw error
  }
  throw damagedBlock(block, 'is damaged: its transactions do not hash to its Merkle root')
}

/** Counts the outputs of transactions that are unspent now, as their records say. */
export async function countUnspentOutputs(
  store: UtxoStore,
  stored: TxidFile,
  advanced: (transactions: number) => void,
): Promise<number> {
  let unspent = 0
  for await (const txids of stored.chunks()) {
    for (const { txid, data, error } of await store.batchDecorate(txids, ['utxos'])) {
      if (error !== null) {
        throw new StoreError(error.code, `counting the outputs of ${txidToHex(txid)}: ${error.message}`, {
          cause: error,
        })
      }
      for (const slot of data?.utxos ?? []) if (slot.state === 'unspent') unspent += 1
    }
    advanced(txids.length)
  }
  return unspent
}

async function isNew(create: () => Promise<unknown>): Promise<boolean> {
  try {
    await create()
    return true
  } catch (error) {
    if (error instanceof StoreError && error.code === 'TX_EXISTS') return false
    throw error
  }
}
