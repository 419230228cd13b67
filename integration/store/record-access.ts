import type { Bins, BinValue, TransactionOutput, UtxoStore } from 'aerospike-utxo-store'
import { coinbase } from './sample-transactions.ts'

/** Reads and writes records as they are, past the store's operations. */
export class RecordAccess {
  readonly #store: UtxoStore
  readonly #set: string

  constructor(store: UtxoStore, set: string) {
    this.#store = store
    this.#set = set
  }

  /** All bins of a record, page 0 being the master; undefined where it is missing. */
  async read(txid: Uint8Array, page = 0): Promise<Bins | undefined> {
    const [answer] = await this.#send({ kind: 'read', key: this.#key(txid, page), bins: 'all' })
    if (answer?.status === 2) return undefined
    if (answer?.status !== 0) throw new Error(`reading a record: status ${answer?.status}`)
    return answer.bins
  }

  /** Sets bins of an existing record; null deletes one. */
  async write(txid: Uint8Array, bins: Record<string, BinValue>, page = 0): Promise<void> {
    const [answer] = await this.#send({
      kind: 'write',
      key: this.#key(txid, page),
      exists: 'update-only',
      operations: Object.entries(bins).map(([bin, value]) =>
        value === null ? { kind: 'unset', bin } : { kind: 'put', bin, value },
      ),
    })
    if (answer?.status !== 0) throw new Error(`writing a record: status ${answer?.status}`)
  }

  async remove(txid: Uint8Array, page = 0): Promise<void> {
    await this.#send({ kind: 'remove', key: this.#key(txid, page) })
  }

  /** One bin of the master and of each page, in order. */
  async everywhere(txid: Uint8Array, pages: number, bin: string): Promise<unknown[]> {
    const records = await Promise.all(Array.from({ length: pages + 1 }, (_, page) => this.read(txid, page)))
    return records.map(record => record?.[bin])
  }

  #key(txid: Uint8Array, page: number) {
    const suffix = Buffer.alloc(4)
    suffix.writeUInt32LE(page)
    return { set: this.#set, userKey: page === 0 ? txid : Buffer.concat([txid, suffix]) }
  }

  #send(row: Parameters<UtxoStore['transport']['batchOperate']>[0][number]) {
    return this.#store.transport.batchOperate([row], { timeout: 5_000 })
  }
}

/** Stores a transaction of which only the outputs are known: with more than fit into a record it gets pages. */
export async function createPaged(
  store: UtxoStore,
  outputs: number,
  options: Parameters<UtxoStore['createPartial']>[3] = {},
) {
  const tx = coinbase({ outputs })
  const known = new Map<number, TransactionOutput>(tx.outputs.map((output, vout) => [vout, output]))
  await store.createPartial(tx.txid, known, 100, options)
  return tx
}
