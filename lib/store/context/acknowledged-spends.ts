import { txidKey } from '../../bitcoin/index.ts'

const REMEMBERED_MAX = 65_536

/**
 * Transactions whose spend this store has acknowledged, the latest ones. Between its spend and its create a
 * transaction has no record, and a repeat of its spend that fails in part must not take that for a licence to
 * undo: the first caller was told that it holds its inputs, and may create the record at any moment.
 */
export class AcknowledgedSpends {
  readonly #txids = new Set<string>()

  add(txid: Uint8Array): void {
    const key = txidKey(txid)
    // Set anew, so that what is dropped is what was acknowledged the longest ago.
    this.#txids.delete(key)
    this.#txids.add(key)
    if (this.#txids.size <= REMEMBERED_MAX) return
    const [oldest] = this.#txids
    if (oldest !== undefined) this.#txids.delete(oldest)
  }

  has(txid: Uint8Array): boolean {
    return this.#txids.has(txidKey(txid))
  }

  /** Its owner has undone it. */
  forget(txid: Uint8Array): void {
    this.#txids.delete(txidKey(txid))
  }
}
