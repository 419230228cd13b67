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
export function decodeMetaBytes(given: Uint8Array): CachedMetadata {
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.byteLength)
  if (bytes.length < PARENT_TXIDS_AT) throw malformed(`${bytes.length} bytes are too few`)
  const flags = bytes[FLAGS_AT] as number
  if ((flags & ~KNOWN_FLAGS) !== 0) throw malformed(`flags ${flags} are not all known`)
  const parents = bytes.readUInt32LE(PARENTS_AT)
  const countsAt = PARENT_TXIDS_AT + parents * TXID_BYTES
  if (countsAt + parents * COUNT_BYTES > bytes.length) throw malformed(`${parents} parents do not fit`)
  let at = countsAt
  const txInpoints = Array.from({ length: parents }, (_, parent) => {
    if (at + COUNT_BYTES > bytes.length) throw malformed(`the outputs of parent ${parent} are missing`)
    const count = bytes.readUInt32LE(at)
    at += COUNT_BYTES
    if (at + count * 4 > bytes.length) throw malformed(`${count} outputs of parent ${parent} do not fit`)
    const vouts = Array.from({ length: count }, (_, index) => bytes.readUInt32LE(at + index * 4))
    at += count * 4
    const from = PARENT_TXIDS_AT + parent * TXID_BYTES
    return { txid: Uint8Array.prototype.slice.call(bytes, from, from + TXID_BYTES), vouts }
  })
  if (at !== bytes.length) throw malformed(`${bytes.length - at} bytes are left over`)
  return {
    fee: safe('fee', bytes.readBigUInt64LE(FEE_AT)),
    sizeInBytes: safe('sizeInBytes', bytes.readBigUInt64LE(SIZE_AT)),
    isCoinbase: (flags & FLAGS.isCoinbase) !== 0,
    frozen: (flags & FLAGS.frozen) !== 0,
    conflicting: (flags & FLAGS.conflicting) !== 0,
    locked: (flags & FLAGS.locked) !== 0,
    txInpoints,
  }
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

function safe(name: string, value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed(`${name} ${value} is no amount`)
  return Number(value)
}

function malformed(what: string): StoreError {
  return new StoreError('PROCESSING', `these are no tx-meta bytes: ${what}`)
}
