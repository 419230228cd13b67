import { txidKey } from '../../bitcoin/index.ts'

const TRANSACTIONS_MAX = 64
const BITS = 8

/**
 * Pages that this store has found to be all spent when it last compared their number with the count on their master;
 * of the transactions that it compared last. Repeated spends of a large transaction would have all of its pages read
 * each time.
 */
export class CountedPages {
  /** One bit for each page, by txid. */
  readonly #pages = new Map<string, Uint8Array>()

  has(txid: Uint8Array, page: number): boolean {
    const bits = this.#pages.get(txidKey(txid))
    return ((bits?.[Math.floor(page / BITS)] ?? 0) & (1 << (page % BITS))) !== 0
  }

  /** @param pages of the transaction */
  add(txid: Uint8Array, pages: number, spent: readonly number[]): void {
    const bits = new Uint8Array(Math.floor(pages / BITS) + 1)
    for (const page of spent) {
      const at = Math.floor(page / BITS)
      bits[at] = (bits[at] ?? 0) | (1 << (page % BITS))
    }
    const key = txidKey(txid)
    this.#pages.delete(key)
    this.#pages.set(key, bits)
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= TRANSACTIONS_MAX) break
      this.#pages.delete(oldest)
    }
  }

  /** A page of it is no longer all spent. */
  forget(txid: Uint8Array): void {
    this.#pages.delete(txidKey(txid))
  }
}
