import { TXID_BYTES, toTxid } from '../../bitcoin/index.ts'
import type { TxidInput } from '../../store/index.ts'

/** Txids as 32 bytes each, one after the other: callers may use their buffers again, and lists have millions. */
export class TxidBytes {
  readonly #bytes: Uint8Array

  /** @throws InvalidArgumentError for an entry that is no txid */
  constructor(txids: Iterable<TxidInput>) {
    const list = Array.isArray(txids) ? (txids as readonly TxidInput[]) : [...txids]
    this.#bytes = new Uint8Array(list.length * TXID_BYTES)
    for (const [index, txid] of list.entries()) this.#bytes.set(toTxid(txid), index * TXID_BYTES)
  }

  get length(): number {
    return this.#bytes.length / TXID_BYTES
  }

  /** A view. */
  at(index: number): Uint8Array {
    return this.#bytes.subarray(index * TXID_BYTES, (index + 1) * TXID_BYTES)
  }
}
