import {
  type Settings,
  StoreError,
  type Transaction,
  type TransactionMetadata,
  txidToHex,
  type UtxoStore,
} from '../../../index.ts'
import type { OperationName } from '../report.ts'
import {
  CREATE_HEIGHT,
  chunks,
  listConcurrency,
  MINED_BLOCK,
  SPEND_HEIGHT,
  type Subject,
  type Work,
} from '../subject.ts'
import type { RoundTransactions } from '../transactions.ts'
import { removeRecords } from './removal.ts'
import { CountingSeam } from './seam.ts'

export interface StoreSubjectOptions {
  readonly id: string
  readonly transport: string
  readonly set: string
  readonly concurrency: number
  readonly batchSize: number
}

/** Transactions of a block of the mixed workload. */
const BLOCK_TRANSACTIONS = 2_000
const BATCH_TIMEOUT_MS = 60_000
/** Nobody has stored it. */
const NO_TXID = new Uint8Array(32)

const LINGER_SETTINGS = {
  create: 'storeBatcherDurationMillis',
  get: 'getBatcherDurationMillis',
  previousOutputsDecorate: 'outpointBatcherDurationMillis',
  spend: 'spendBatcherDurationMillis',
  setMined: undefined,
  blockValidation: 'storeBatcherDurationMillis',
} as const satisfies Record<OperationName, keyof Settings | undefined>

/** The public API of a store: one promise per caller, everything included but the parsing of transactions. */
export class StoreSubject implements Subject {
  readonly kind = 'store'
  readonly id: string
  readonly title: string
  readonly transport: string
  readonly seam: CountingSeam
  readonly #store: UtxoStore
  readonly #options: StoreSubjectOptions

  constructor(store: UtxoStore, options: StoreSubjectOptions) {
    this.id = options.id
    this.title = `store, ${options.transport} transport`
    this.transport = options.transport
    this.#store = store
    this.#options = options
    this.seam = new CountingSeam(store.transport)
    store.transport = this.seam
    store.setBlockState(SPEND_HEIGHT, 1_700_000_000)
  }

  lingerMs(operation: OperationName): number | null {
    const setting = LINGER_SETTINGS[operation]
    return setting === undefined ? null : this.#store.settings[setting]
  }

  takeBatchCounts(): { batches: number; rows: number } {
    return this.seam.takeCounts()
  }

  work(operation: OperationName, transactions: RoundTransactions): Work {
    return this.#works[operation](transactions)
  }

  /** Time of a batch of one row, which reads whether a record is there, through the transport alone. */
  async roundTripMs(): Promise<number> {
    const key = { set: this.#options.set, userKey: NO_TXID }
    const sentAtMs = performance.now()
    await this.seam.batchOperate([{ kind: 'read', key, bins: [] }], { timeout: BATCH_TIMEOUT_MS })
    return performance.now() - sentAtMs
  }

  /** Through the seam, not one call of `delete` for each: it is no part of what is measured. */
  async clear(transactions: RoundTransactions): Promise<void> {
    await removeRecords(this.seam, this.#options.set, transactions.storedTxids())
  }

  async close(): Promise<void> {
    await this.#store.close()
  }

  readonly #works: Readonly<Record<OperationName, (transactions: RoundTransactions) => Work>> = {
    create: ({ parents }) =>
      this.#single(
        parents,
        tx => this.#store.create(tx, CREATE_HEIGHT),
        (tx, metadata) => isOf(tx, metadata) && metadata.recordUtxos === tx.outputs.length,
      ),
    get: ({ parents, txids }) =>
      this.#single(
        parents,
        (_tx, index) => this.#store.get(txids[index] ?? NO_TXID),
        (tx, metadata) => isOf(tx, metadata) && hasBodyOf(tx, metadata),
      ),
    previousOutputsDecorate: ({ undecoratedSpenders, parents }) => {
      // All outputs are alike.
      const satoshis = parents[0]?.outputs[0]?.satoshis
      return this.#single(
        undecoratedSpenders,
        tx => this.#store.previousOutputsDecorate(tx),
        (_tx, decorated) => decorated.isExtended && decorated.inputs[0]?.previousSatoshis === satoshis,
      )
    },
    spend: ({ spenders }) =>
      this.#single(
        spenders,
        tx => this.#store.spend(tx, SPEND_HEIGHT),
        (tx, spends) =>
          spends.length === tx.inputs.length && spends.every(({ error }) => error === undefined),
      ),
    setMined: ({ txids }) => this.#setMined(txids),
    blockValidation: ({ blockTransactions }) => this.#blockValidation(blockTransactions),
  }

  #single<Answer>(
    transactions: readonly Transaction[],
    call: (tx: Transaction, index: number) => Promise<Answer>,
    isRight: (tx: Transaction, answer: Answer) => boolean,
  ): Work {
    return {
      calls: transactions.length,
      records: transactions.length,
      concurrency: this.#options.concurrency,
      call: index => call(transactions[index] as Transaction, index), // within bounds: index < calls
      check: (index, answer) => {
        const tx = transactions[index] as Transaction
        if (!isRight(tx, answer as Answer)) throw wrongAnswer(txidToHex(tx.txid))
      },
    }
  }

  #setMined(txids: readonly Uint8Array[]): Work {
    const { concurrency, batchSize } = this.#options
    const lists = chunks(txids, batchSize)
    const keysOfLists = chunks(txids.map(txidToHex), batchSize)
    return {
      calls: lists.length,
      records: txids.length,
      concurrency: listConcurrency(concurrency, batchSize),
      call: index => this.#store.setMinedMulti(lists[index] ?? [], MINED_BLOCK),
      check: (index, answer) => {
        const blocks = answer as Awaited<ReturnType<UtxoStore['setMinedMulti']>>
        for (const key of keysOfLists[index] ?? []) if (!isMinedOnce(blocks.get(key))) throw wrongAnswer(key)
      },
    }
  }

  /** The last transaction of a block has it set mined, while those of the next block are under way. */
  #blockValidation(transactions: readonly Transaction[]): Work {
    const { concurrency } = this.#options
    const mined: Promise<unknown>[] = []
    const left = chunks(transactions, BLOCK_TRANSACTIONS).map(block => block.length)
    return {
      calls: transactions.length,
      records: transactions.length,
      concurrency,
      call: async index => {
        const tx = await this.#store.previousOutputsDecorate(transactions[index] as Transaction)
        await this.#store.spend(tx, SPEND_HEIGHT)
        const metadata = await this.#store.create(tx, SPEND_HEIGHT)
        const block = Math.floor(index / BLOCK_TRANSACTIONS)
        left[block] = (left[block] ?? 0) - 1
        if (left[block] === 0) mined.push(this.#mineBlock(transactions, block))
        return metadata
      },
      finish: async () => {
        await Promise.all(mined)
      },
      check: (index, answer) => {
        const tx = transactions[index] as Transaction
        if (!isOf(tx, answer as TransactionMetadata)) throw wrongAnswer(txidToHex(tx.txid))
      },
    }
  }

  #mineBlock(transactions: readonly Transaction[], block: number): Promise<unknown> {
    const from = block * BLOCK_TRANSACTIONS
    const txids = transactions.slice(from, from + BLOCK_TRANSACTIONS).map(({ txid }) => txid)
    const mined = this.#store.setMinedMulti(txids, MINED_BLOCK)
    // It is awaited when all blocks are under way; until then a failure must not count as unhandled.
    mined.catch(() => {})
    return mined
  }
}

function isOf(tx: Transaction, { sizeInBytes, txInpoints }: TransactionMetadata): boolean {
  return sizeInBytes === tx.sizeBytes && isLike(txInpoints?.[0]?.txid, tx.inputs[0]?.previousTxid)
}

/** Its unlocking script, which no other transaction has, and whatever follows it. */
function hasBodyOf(tx: Transaction, { tx: body }: TransactionMetadata): boolean {
  return (
    body?.outputs.length === tx.outputs.length &&
    isLike(body.inputs[0]?.unlockingScript, tx.inputs[0]?.unlockingScript)
  )
}

/** Length and the last four bytes, which are random: all that a check within the measured time may cost. */
function isLike(bytes: Uint8Array | undefined, expected: Uint8Array | undefined): boolean {
  if (bytes === undefined || expected === undefined) return false
  const end = expected.length
  return (
    bytes.length === end &&
    bytes[end - 1] === expected[end - 1] &&
    bytes[end - 2] === expected[end - 2] &&
    bytes[end - 3] === expected[end - 3] &&
    bytes[end - 4] === expected[end - 4]
  )
}

function isMinedOnce(blockIds: readonly number[] | undefined): boolean {
  return blockIds?.length === 1 && blockIds[0] === MINED_BLOCK.blockId
}

function wrongAnswer(txid: string): StoreError {
  return new StoreError('PROCESSING', `the answer for transaction ${txid} is not what it has to be`)
}
