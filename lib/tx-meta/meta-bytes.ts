import { StoreError } from '../errors/index.ts'

/** A parent and the outputs that are used of it, in the order of the inputs. */
export interface CachedInpoint {
  readonly txid: Uint8Array
  readonly vouts: readonly number[]
}

/** What the cache knows of a transaction. Blocks are not among it (semantics 9.1.1). Amounts in satoshis. */
export interface CachedMetadata {
  readonly fee: number
  readonly sizeInBytes: number
  readonly isCoinbase: boolean
  readonly frozen: boolean
  readonly conflicting: boolean
  readonly locked: boolean
  readonly txInpoints: readonly CachedInpoint[]
}

const FLAGS = { isCoinbase: 1, frozen: 2, conflicting: 4, locked: 8 } as const
const KNOWN_FLAGS = 15

const FEE_AT = 0
const SIZE_AT = 8
const FLAGS_AT = 16
const PARENTS_AT = 17
const PARENT_TXIDS_AT = 21
const TXID_BYTES = 32
const COUNT_BYTES = 4

/**
 * Encodes metadata as the reference does (semantics 9.1.1): fee and size (u64, little-endian), a byte of flags,
 * the number of parents (u32), their txids, and for each the number and the list of its outputs (u32).
 * Throws `PROCESSING` for a fee or size that does not fit.
 */
export function encodeMetaBytes(metadata: CachedMetadata): Uint8Array {
  const { fee, sizeInBytes, txInpoints } = metadata
  const vouts = txInpoints.reduce((sum, inpoint) => sum + inpoint.vouts.length, 0)
  const bytes = Buffer.allocUnsafe(
    PARENT_TXIDS_AT + txInpoints.length * (TXID_BYTES + COUNT_BYTES) + vouts * 4,
  )
  bytes.writeBigUInt64LE(unsigned('fee', fee), FEE_AT)
  bytes.writeBigUInt64LE(unsigned('sizeInBytes', sizeInBytes), SIZE_AT)
  bytes[FLAGS_AT] = flagsOf(metadata)
  bytes.writeUInt32LE(txInpoints.length, PARENTS_AT)
  let at = PARENT_TXIDS_AT
  for (const { txid } of txInpoints) {
    bytes.set(txid, at)
    at += TXID_BYTES
  }
  for (const inpoint of txInpoints) {
    at = bytes.writeUInt32LE(inpoint.vouts.length, at)
    for (const vout of inpoint.vouts) at = bytes.writeUInt32LE(vout, at)
  }
  return bytes
}

/** Decodes what `encodeMetaBytes` makes, or a node of the reference. Throws `PROCESSING` for anything else. */
export function decodeMetaBytes(bytes: Uint8Array): CachedMetadata {
  const { byteLength } = bytes
  if (byteLength < PARENT_TXIDS_AT) throw malformed(`${byteLength} bytes are too few`)
  const flags = bytes[FLAGS_AT] as number
  if ((flags & ~KNOWN_FLAGS) !== 0) throw malformed(`flags ${flags} are not all known`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, byteLength)
  return {
    fee: amountAt(view, FEE_AT, 'fee'),
    sizeInBytes: amountAt(view, SIZE_AT, 'sizeInBytes'),
    isCoinbase: (flags & FLAGS.isCoinbase) !== 0,
    frozen: (flags & FLAGS.frozen) !== 0,
    conflicting: (flags & FLAGS.conflicting) !== 0,
    locked: (flags & FLAGS.locked) !== 0,
    txInpoints: decodeInpoints(bytes, view),
  }
}

/** Plain loops and one copy for all txids: this is most of what a hit of the cache costs. */
function decodeInpoints(bytes: Uint8Array, view: DataView): CachedInpoint[] {
  const { byteLength } = bytes
  const parents = view.getUint32(PARENTS_AT, true)
  const countsAt = PARENT_TXIDS_AT + parents * TXID_BYTES
  if (countsAt + parents * COUNT_BYTES > byteLength) throw malformed(`${parents} parents do not fit`)
  const txids = new Uint8Array(bytes.subarray(PARENT_TXIDS_AT, countsAt)).buffer
  const inpoints: CachedInpoint[] = []
  let at = countsAt
  for (let parent = 0; parent < parents; parent++) {
    if (at + COUNT_BYTES > byteLength) throw malformed(`the outputs of parent ${parent} are missing`)
    const count = view.getUint32(at, true)
    at += COUNT_BYTES
    if (at + count * 4 > byteLength) throw malformed(`${count} outputs of parent ${parent} do not fit`)
    const vouts: number[] = []
    for (const end = at + count * 4; at < end; at += 4) vouts.push(view.getUint32(at, true))
    inpoints.push({ txid: new Uint8Array(txids, parent * TXID_BYTES, TXID_BYTES), vouts })
  }
  if (at !== byteLength) throw malformed(`${byteLength - at} bytes are left over`)
  return inpoints
}

/**
 * Refuses with `PROCESSING` what can be no entry of the cache, by a look at its beginning: too short, with unknown
 * flags, or of a conflicting transaction, which is never cached. `decodeMetaBytes` checks the rest.
 */
export function checkMetaBytes(bytes: Uint8Array): void {
  const flags = bytes[FLAGS_AT] as number
  if (bytes.byteLength < PARENT_TXIDS_AT) throw malformed(`${bytes.byteLength} bytes are too few`)
  if ((flags & ~KNOWN_FLAGS) !== 0) throw malformed(`flags ${flags} are not all known`)
  if ((flags & FLAGS.conflicting) !== 0) throw malformed('a conflicting transaction is not cached')
}

function flagsOf(metadata: CachedMetadata): number {
  let flags = 0
  for (const [name, bit] of Object.entries(FLAGS)) {
    if (metadata[name as keyof typeof FLAGS]) flags |= bit
  }
  return flags
}

function unsigned(name: string, value: number): bigint {
  if (!Number.isSafeInteger(value) || value < 0) throw malformed(`${name} ${value} is no amount`)
  return BigInt(value)
}

/** By halves: a bigint for each would take as long as all the rest. */
function amountAt(view: DataView, at: number, name: string): number {
  const value = view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true)
  if (!Number.isSafeInteger(value)) throw malformed(`${name} ${value} is no amount`)
  return value
}

function malformed(what: string): StoreError {
  return new StoreError('PROCESSING', `these are no tx-meta bytes: ${what}`)
}
