import { TXID_BYTES, txidKey } from '../bitcoin/index.ts'
import { TxidTable } from './txid-table.ts'

/**
 * 32 × FF, which no transaction has: it stands for the coinbase in subtrees, and for the spender of an output
 * that is frozen (semantics 1.4).
 */
export const PLACEHOLDER_TXID: Uint8Array = new Uint8Array(TXID_BYTES).fill(0xff)

export function isPlaceholderTxid(txid: Uint8Array): boolean {
  return txid.every(byte => byte === 0xff)
}

/** Each txid once, in the order of their first appearance. */
export function uniqueTxids(txids: readonly Uint8Array[]): Uint8Array[] {
  const known = new TxidTable(txids.length)
  const unique: Uint8Array[] = []
  for (const txid of txids) {
    known.add(txid)
    if (known.size > unique.length) unique.push(txid)
  }
  return unique
}

/** For asking many times whether a txid is among others. */
export function txidSet(txids: Iterable<Uint8Array>): ReadonlySet<string> {
  const keys = new Set<string>()
  for (const txid of txids) keys.add(txidKey(txid))
  return keys
}
