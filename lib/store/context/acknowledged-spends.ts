import { txidKey } from '../../bitcoin/index.ts'

const REMEMBERED_MIN = 65_536

/**
 * Transactions whose spend this store has acknowledged: the latest 65,536 at least. Between its spend and its
 * create a transaction has no record, and a repeat of its spend that fails in part must not take that for a
 * licence to undo: the first caller was told that it holds its inputs, and may create the record at any moment.
 */
export class AcknowledgedSpends {
  // Two generations: the older is dropped as a whole, where finding the oldest entry of a set takes ever longer.
  #latest = new Set<string>()
  #before = new Set<string>()

  add(txid: Uint8Array): void {
    this.#latest.add(txidKey(txid))
    if (this.#latest.size < REMEMBERED_MIN) return
    this.#before = this.#latest
    this.#latest = new Set()
  }

  has(txid: Uint8Array): boolean {
    const key = txidKey(txid)
    return this.#latest.has(key) || this.#before.has(key)
  }

  /** Its owner has undone it. */
  forget(txid: Uint8Array): void {
    const key = txidKey(txid)
    this.#latest.delete(key)
    this.#before.delete(key)
  }
}
