import { StoreError } from '../errors/index.ts'
import { BinReader } from './bin-reader.ts'
import type { Bins } from './bin-value.ts'
import { BINS } from './bins.ts'
import { FREEZE_BINS, type FreezeWindow, LEGACY_FREEZE, readFreezes } from './freeze-record.ts'
import { decodeSlot, type UtxoSlot } from './utxo-slot.ts'

/** What a record says of one of its outputs. */
export interface OutputState {
  /** As stored: frozen only where the slot itself is marked so. */
  readonly slot: UtxoSlot
  /** The freeze in force or to come, by its record or by the mark in the slot. */
  readonly freeze: FreezeWindow | undefined
  /** Below this height it cannot be spent, because its coinbase is immature or it was reassigned. */
  readonly spendableFrom: number
  readonly conflicting: boolean
  readonly locked: boolean
}

/** The bins that `decodeOutput` looks at. */
export const OUTPUT_BINS = [
  BINS.utxos,
  BINS.spendingHeight,
  BINS.conflicting,
  BINS.locked,
  BINS.spendableIn,
  ...FREEZE_BINS,
] as const

/**
 * The state of the output at a slot offset; undefined where the record has no such slot. Throws `STORAGE_ERROR`
 * for a damaged record, a damaged freeze included: it must never read as "not frozen".
 */
export function decodeOutput(bins: Bins, offset: number): OutputState | undefined {
  const reader = new BinReader(bins)
  const slots = reader.list(BINS.utxos)
  if (slots === undefined) throw new StoreError('STORAGE_ERROR', `the record has no bin ${BINS.utxos}`)
  if (offset >= slots.length) return undefined
  const slot = decodeSlot(slots[offset])
  return {
    slot,
    freeze: freezeOf(reader, offset, slot),
    spendableFrom: Math.max(reader.height(BINS.spendingHeight) ?? 0, reassignedUntil(reader, offset)),
    conflicting: reader.boolean(BINS.conflicting),
    locked: reader.boolean(BINS.locked),
  }
}

/** Slot offsets of a record's outputs that were given to another owner: the transaction's body does not tell their hash. */
export function reassignedOffsets(bins: Bins): ReadonlySet<number> {
  return new Set(new BinReader(bins).integerKeyedMap(BINS.spendableIn)?.keys())
}

function freezeOf(reader: BinReader, offset: number, slot: UtxoSlot): FreezeWindow | undefined {
  const freezes = readFreezes(reader)
  if (!freezes.has(offset)) return slot.state === 'frozen' ? LEGACY_FREEZE : undefined
  const window = freezes.get(offset)
  if (window === undefined) {
    throw new StoreError('STORAGE_ERROR', `the freeze record at offset ${offset} is damaged; freeze it anew`)
  }
  return window
}

/** The key of the map is the offset in its record; the reference looks it up by the output's index (semantics 3.3). */
function reassignedUntil(reader: BinReader, offset: number): number {
  const height = reader.integerKeyedMap(BINS.spendableIn)?.get(offset) ?? 0
  if (!Number.isSafeInteger(height))
    throw new StoreError('STORAGE_ERROR', `the bin ${BINS.spendableIn} has no height at offset ${offset}`)
  return height as number
}
