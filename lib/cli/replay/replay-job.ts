import {
  type Block,
  SpendError,
  StoreError,
  type Transaction,
  txidKey,
  txidToHex,
  type UtxoStore,
} from '../../index.ts'
import { inLanes } from '../lanes.ts'
import { extendWithParents } from './previous-outputs.ts'
import type { StandInParent } from './stand-in-parents.ts'
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

/** Replays blocks through the public API of a store: spend, then create, in the order of dependence, then set mined. */
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
  /** Transactions of the replayed blocks that are in the store. */
  readonly stored: Uint8Array[] = []
  readonly #store: UtxoStore
  readonly #observer: ReplayObserver
  readonly #missingParents = new Set<string>()
  readonly #refused = new Set<string>()

  constructor(store: UtxoStore, observer: ReplayObserver = {}) {
    this.#store = store
    this.#observer = observer
  }

  /** Creates the stand-in parents that are not in the store. */
  async seed(parents: readonly StandInParent[], height: number): Promise<void> {
    await inLanes(parents, CALLS_IN_PROGRESS, async ({ txid, outputs }) => {
      if (await isNew(() => this.#store.createPartial(txid, outputs, height))) this.counts.parentsSeeded += 1
      this.#observer.advanced?.(1)
    })
  }

  /** Replays one block at its height. */
  async replay(block: Block, height: number): Promise<void> {
    this.#store.setBlockState(height, block.header.timestamp)
    const inBlock = new Map(block.transactions.map(tx => [txidKey(tx.txid), tx]))
    const { extended, missing } = await extendWithParents(this.#store, block.transactions, inBlock)
    for (const parent of missing) this.#missingParents.add(parent)
    this.counts.missingParents = this.#missingParents.size
    this.counts.transactionsLeftOut += block.transactions.length - extended.length

    const stored: Uint8Array[] = []
    for (const wave of wavesOf(extended)) {
      await inLanes(wave, CALLS_IN_PROGRESS, async tx => {
        if (await this.#spend(tx, height, inBlock)) {
          await this.#create(tx, height)
          stored.push(tx.txid)
        } else this.#refused.add(txidKey(tx.txid))
        this.#observer.advanced?.(1)
      })
    }
    const mined = { blockId: height, blockHeight: height, subtreeIdx: 0, onLongestChain: true }
    await this.#store.setMinedMulti(stored, mined)
    this.stored.push(...stored)
    this.counts.blocks += 1
    this.counts.transactions += block.transactions.length
  }

  /** True when the transaction holds all its inputs; one that spends from a refused one is left out with it. */
  async #spend(tx: Transaction, height: number, inBlock: ReadonlyMap<string, Transaction>): Promise<boolean> {
    if (tx.inputs.some(({ previousTxid }) => this.#refused.has(txidKey(previousTxid)))) {
      this.counts.transactionsLeftOut += 1
      return false
    }
    try {
      const spends = await this.#store.spend(tx, height)
      this.counts.inputsSpent += spends.length
      this.counts.inputsSpentInBlock += spends.filter(({ txid }) => inBlock.has(txidKey(txid))).length
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
    const created = await isNew(async () => {
      const { recordUtxos = 0 } = await this.#store.create(tx, height)
      this.counts.outputsCreated += recordUtxos
    })
    if (!created) this.counts.transactionsAlreadyStored += 1
  }
}

/** Counts the outputs of transactions that are unspent now, as their records say. */
export async function countUnspentOutputs(store: UtxoStore, txids: readonly Uint8Array[]): Promise<number> {
  let unspent = 0
  for (const { txid, data, error } of await store.batchDecorate(txids, ['utxos'])) {
    if (error !== null)
      throw new StoreError(error.code, `counting the outputs of ${txidToHex(txid)}: ${error.message}`, {
        cause: error,
      })
    for (const slot of data?.utxos ?? []) if (slot.state === 'unspent') unspent += 1
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
