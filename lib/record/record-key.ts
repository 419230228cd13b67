import { requireTxid, setUint32, TXID_BYTES } from '../bitcoin/index.ts'
import { InvalidArgumentError } from '../errors/index.ts'

const UINT32_MAX = 0xffff_ffff
const PAGE_NUMBER_BYTES = 4
/** Stands where a page number would: the record that keeps two creators apart (semantics 1.2). */
const LOCK_NUMBER = 0xffff_fffe

/** User key of a transaction's master record: its txid, 32 bytes, internal order. A blob key, never a string. */
export function masterKey(txid: Uint8Array): Uint8Array {
  return requireTxid(txid)
}

/** User key of record `page`: the txid, then the number as uint32 little-endian; page 0 is the master. */
export function pageKey(txid: Uint8Array, page: number): Uint8Array {
  if (!Number.isSafeInteger(page) || page < 0 || page > UINT32_MAX) {
    throw new InvalidArgumentError('page', `a whole number from 0 to ${UINT32_MAX}`, page)
  }
  return page === 0 ? masterKey(txid) : suffixed(txid, page)
}

/** User key of the record that locks a transaction's creation. */
export function lockKey(txid: Uint8Array): Uint8Array {
  return suffixed(txid, LOCK_NUMBER)
}

/** The record that holds an output. `utxoBatchSize` is part of every address and never changes for a set. */
export function recordNumber(vout: number, utxoBatchSize: number): number {
  return Math.floor(vout / utxoBatchSize)
}

/** An output's place in the slots of its record. */
export function slotOffset(vout: number, utxoBatchSize: number): number {
  return vout % utxoBatchSize
}

function suffixed(txid: Uint8Array, number: number): Uint8Array {
  const key = new Uint8Array(TXID_BYTES + PAGE_NUMBER_BYTES)
  key.set(requireTxid(txid))
  setUint32(key, TXID_BYTES, number)
  return key
}
