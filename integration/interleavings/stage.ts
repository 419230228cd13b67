import {
  type CreateOptions,
  encodeSpendingData,
  encodeTransaction,
  extendTransaction,
  type OutputInput,
  parseTransaction,
  type RecordKey,
  type Transaction,
  txidToHex,
  type UnspendInput,
  type UtxoStore,
  utxoHash,
} from 'aerospike-utxo-store'
import type { Random } from '../histories/random.ts'
import { RecordAccess } from '../store/record-access.ts'
import { LOCKING_SCRIPT } from '../store/sample-transactions.ts'
import { CREATION_LOCK, RECORD_OUTPUTS, readState, type TransactionState } from './transaction-state.ts'

/** Height of the tip during a schedule. */
export const TIP = 1_000
/** A fully spent transaction is removed so many blocks later. */
export const RETENTION = 10

export const BLOCK = { blockId: 7, blockHeight: TIP - 5, subtreeIdx: 0 }
export const MINED = { minedBlockInfos: [BLOCK] }
const PARENT_HEIGHT = TIP - 10

/** What a transaction is to those that spend it. */
type Parent = Pick<Transaction, 'txid' | 'outputs'>

export type Input = readonly [parent: Parent, vout: number]

/** The transactions of one schedule, by the names that its trace calls them. */
export class Stage {
  /** A store that no schedule holds up, to lay the ground and to look at the end. */
  readonly observer: UtxoStore
  readonly records: RecordAccess
  readonly #set: string
  readonly #random: Random
  readonly #transactions = new Map<string, Transaction>()
  readonly #names = new Map<string, string>()

  constructor(observer: UtxoStore, set: string, random: Random) {
    this.observer = observer
    this.records = new RecordAccess(observer, set)
    this.#set = set
    this.#random = random
  }

  get names(): readonly string[] {
    return [...this.#transactions.keys()]
  }

  transaction(name: string): Transaction {
    const tx = this.#transactions.get(name)
    if (tx === undefined) throw new Error(`no transaction ${name}`)
    return tx
  }

  /** A transaction that is not stored yet. */
  spending(name: string, spent: readonly Input[], outputs = 1): Transaction {
    const unlockingScript = this.#random.bytes(8)
    const plain = parseTransaction(
      encodeTransaction({
        version: 1,
        locktime: 0,
        inputs: spent.map(([{ txid }, previousVout]) => ({
          previousTxid: txid,
          previousVout,
          unlockingScript,
          sequence: 0xffff_ffff,
          previousSatoshis: undefined,
          previousLockingScript: undefined,
        })),
        outputs: Array.from({ length: outputs }, () => ({ satoshis: 1_000n, lockingScript: LOCKING_SCRIPT })),
      }),
    )
    const tx = extendTransaction(
      plain,
      spent.map(([parent, vout]) => outputOf(parent, vout)),
    )
    this.#transactions.set(name, tx)
    this.#names.set(txidToHex(tx.txid), name)
    return tx
  }

  /** A transaction whose parent nobody has heard of. */
  orphan(name: string, outputs: number): Transaction {
    const parent = {
      txid: this.#random.bytes(32),
      outputs: [{ satoshis: 1_000n, lockingScript: LOCKING_SCRIPT }],
    }
    return this.spending(name, [[parent, 0]], outputs)
  }

  /** A stored transaction, mined unless the options say otherwise. */
  async parent(name: string, outputs: number, options: CreateOptions = MINED): Promise<Transaction> {
    const tx = this.orphan(name, outputs)
    await this.observer.create(tx, PARENT_HEIGHT, options)
    return tx
  }

  /** A transaction that has spent its inputs, without a record of its own. */
  async spent(name: string, inputs: readonly Input[]): Promise<Transaction> {
    const tx = this.spending(name, inputs)
    await this.observer.spend(tx, TIP)
    return tx
  }

  nameOf(hex: string): string {
    return this.#names.get(hex) ?? hex.slice(0, 8)
  }

  /** As `P` for a master, `P.1` for its first page; records that are none of a transaction have the name of their set before it. */
  keyName({ set, userKey }: RecordKey): string {
    const where = set === this.#set ? '' : `${set.slice(this.#set.length)} `
    if (typeof userKey === 'string') return where + userKey
    const name = where + this.nameOf(txidToHex(userKey.subarray(0, 32)))
    if (userKey.length === 32) return name
    const page = Buffer.from(userKey).readUInt32LE(32)
    return page === CREATION_LOCK ? `${name} lock` : `${name}.${page}`
  }

  async state(name: string): Promise<TransactionState> {
    return readState(this.records, this.transaction(name), hex => this.nameOf(hex))
  }

  async states(): Promise<Map<string, TransactionState>> {
    const states = await Promise.all(this.names.map(name => this.state(name)))
    return new Map(states.map((state, index) => [this.names[index] as string, state]))
  }

  /** As when the time of every lock is over. */
  async dropCreationLocks(): Promise<void> {
    await Promise.all(this.names.map(name => this.records.remove(this.transaction(name).txid, CREATION_LOCK)))
  }

  /** As who finds that a decision is void. */
  async forgetIntents(): Promise<void> {
    for (const { id } of await this.observer.pendingConflictIntents())
      await this.observer.discardConflictIntent(id)
  }

  /** Removes every record, so that no later schedule meets it. */
  async clear(): Promise<void> {
    const rows = this.names.flatMap(name => {
      const { txid, outputs } = this.transaction(name)
      const pages = Array.from({ length: Math.ceil(outputs.length / RECORD_OUTPUTS) }, (_, page) => page)
      return [...pages, CREATION_LOCK].map(page => this.records.remove(txid, page))
    })
    await Promise.all(rows)
  }
}

function outputOf({ outputs }: Parent, vout: number): Transaction['outputs'][number] {
  const output = outputs[vout]
  if (output === undefined) throw new RangeError(`no output ${vout}`)
  return output
}

/** What `unspend` takes, for each input of a transaction. */
export function spendsOf(tx: Transaction): UnspendInput[] {
  return tx.inputs.map(({ previousTxid, previousVout, previousLockingScript, previousSatoshis }, vin) => {
    if (previousLockingScript === undefined || previousSatoshis === undefined) throw new Error('not extended')
    return {
      txid: previousTxid,
      vout: previousVout,
      utxoHash: utxoHash(previousTxid, previousVout, previousLockingScript, previousSatoshis),
      spendingData: encodeSpendingData({ txid: tx.txid, vin }),
    }
  })
}

/** What the freezing calls take. */
export function outputTarget(tx: Transaction, vout: number): OutputInput {
  const { lockingScript, satoshis } = outputOf(tx, vout)
  return { txid: tx.txid, vout, utxoHash: utxoHash(tx.txid, vout, lockingScript, satoshis) }
}
