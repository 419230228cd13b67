import { ABSENT, TxidTable } from '../txid-table.ts'

const REMEMBERED_MIN = 65_536

/**
 * Transactions whose spend this store has acknowledged: the latest 65,536 at least. Between its spend and its
 * create a transaction has no record, and a repeat of its spend that fails in part must not take that for a
 * licence to undo: the first caller was told that it holds its inputs, and may create the record at any moment.
 */
export class AcknowledgedSpends {
  // Two generations: the older is dropped as a whole, where finding the oldest entry takes ever longer.
  #latest = new TxidTable(REMEMBERED_MIN)
  #before = new TxidTable(REMEMBERED_MIN)

  add(txid: Uint8Array): void {
    this.#latest.add(txid)
    if (this.#latest.size < REMEMBERED_MIN) return
    const oldest = this.#before
    this.#before = this.#latest
    this.#latest = oldest
    oldest.clear()
  }

  has(txid: Uint8Array): boolean {
    return this.#latest.find(txid) !== ABSENT || this.#before.find(txid) !== ABSENT
  }

  /** Its owner has undone it. */
  forget(txid: Uint8Array): void {
    for (const table of [this.#latest, this.#before]) {
      const entry = table.find(txid)
      if (entry !== ABSENT) table.remove(entry)
    }
  }
}
