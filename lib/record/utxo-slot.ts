import { describe, StoreError } from '../errors/index.ts'
import type { BinReader } from './bin-reader.ts'
import { BINS } from './bins.ts'
import { readFreezes } from './freeze-record.ts'
import { FROZEN_SENTINEL, isFrozenSentinel, SPENDING_DATA_BYTES } from './spending-data.ts'

/** One element of a record's `utxos` list (semantics 1.4). */
export type UtxoSlot =
  /** The output was never spendable. */
  | { readonly state: 'nil' }
  | { readonly state: 'unspent'; readonly utxoHash: Uint8Array }
  /** `spendingData`: 36 bytes, the spender's txid and input index. */
  | { readonly state: 'spent'; readonly utxoHash: Uint8Array; readonly spendingData: Uint8Array }
  /** Frozen, in the slot itself or by a freeze record; not spent. */
  | { readonly state: 'frozen'; readonly utxoHash: Uint8Array }

const UTXO_HASH_BYTES = 32

/** Reads a slot as stored; anything that is none of its forms is `STORAGE_ERROR`. */
export function decodeSlot(value: unknown): UtxoSlot {
  if (value === null) return { state: 'nil' }
  if (!(value instanceof Uint8Array)) throw damaged(value)
  if (value.length === UTXO_HASH_BYTES) return { state: 'unspent', utxoHash: value }
  if (value.length !== UTXO_HASH_BYTES + SPENDING_DATA_BYTES) throw damaged(value)
  const utxoHash = value.subarray(0, UTXO_HASH_BYTES)
  const spendingData = value.subarray(UTXO_HASH_BYTES)
  return isFrozenSentinel(spendingData)
    ? { state: 'frozen', utxoHash }
    : { state: 'spent', utxoHash, spendingData }
}

/**
 * All slots of one record. An unspent output with a freeze record is shown as frozen: a spend that passed the
 * freeze over and was undone took the sentinel with it (semantics 3.2, lesson 71). Undefined without the bin.
 */
export function decodeSlots(reader: BinReader): UtxoSlot[] | undefined {
  const freezes = readFreezes(reader)
  return reader.list(BINS.utxos)?.map((value, offset) => {
    const slot = decodeSlot(value)
    return slot.state === 'unspent' && freezes.has(offset)
      ? { state: 'frozen', utxoHash: slot.utxoHash }
      : slot
  })
}

/** An unspent output's slot, or a frozen one's. */
export function newSlot(utxoHash: Uint8Array, { frozen }: { frozen: boolean }): Uint8Array {
  return frozen ? Buffer.concat([utxoHash, FROZEN_SENTINEL]) : utxoHash
}

function damaged(value: unknown): StoreError {
  return new StoreError(
    'STORAGE_ERROR',
    `a slot of the bin utxos must be nil or 32 or 68 bytes, got ${describe(value)}`,
  )
}
