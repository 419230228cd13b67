import { describe, StoreError } from '../errors/index.ts'

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
 * Throws `PROCESSING` for a fee, a size, or a parent that does not fit.
 */
export function encodeMetaBytes(metadata: CachedMetadata): Uint8Array {
  const { fee, sizeInBytes, txInpoints } = metadata
  if (!Array.isArray(txInpoints)) throw malformed('there is no list of parents')
  let vouts = 0
  for (const inpoint of txInpoints) {
    if (!Array.isArray(inpoint?.vouts)) throw malformed('a parent has no list of outputs')
    vouts += inpoint.vouts.length
  }
  const bytes = Buffer.allocUnsafe(
    PARENT_TXIDS_AT + txInpoints.length * (TXID_BYTES + COUNT_BYTES) + vouts * 4,
  )
  bytes.writeBigUInt64LE(unsigned('fee', fee), FEE_AT)
  bytes.writeBigUInt64LE(unsigned('sizeInBytes', sizeInBytes), SIZE_AT)
  bytes[FLAGS_AT] = flagsOf(metadata)
  bytes.writeUInt32LE(txInpoints.length, PARENTS_AT)
  let at = PARENT_TXIDS_AT
  for (const { txid } of txInpoints) {
    // A shorter one would leave bytes of other memory behind it.
    if (!(txid instanceof Uint8Array) || txid.length !== TXID_BYTES) throw malformed('a parent has no txid')
    bytes.set(txid, at)
    at += TXID_BYTES
  }
  for (const inpoint of txInpoints) {
    at = bytes.writeUInt32LE(inpoint.vouts.length, at)
    for (const vout of inpoint.vouts) {
      if (typeof vout !== 'number' || vout >>> 0 !== vout)
        throw malformed(`output ${describe(vout)} is no index`)
      at = bytes.writeUInt32LE(vout, at)
    }
  }
  return bytes
}

/** Decodes what `encodeMetaBytes` makes, or a node of the reference. Throws `PROCESSING` for anything else. */
export function decodeMetaBytes(bytes: Uint8Array): CachedMetadata {
  const { byteLength } = bytes
  if (byteLength < PARENT_TXIDS_AT) throw malformed(`${byteLength} bytes are too few`)
  const flags = bytes[FLAGS_AT] as number
  if ((flags & ~KNOWN_FLAGS) !== 0) throw malformed(`flags ${flags} are not all known`)
  return {
    fee: amountAt(bytes, FEE_AT, 'fee'),
    sizeInBytes: amountAt(bytes, SIZE_AT, 'sizeInBytes'),
    isCoinbase: (flags & FLAGS.isCoinbase) !== 0,
    frozen: (flags & FLAGS.frozen) !== 0,
    conflicting: (flags & FLAGS.conflicting) !== 0,
    locked: (flags & FLAGS.locked) !== 0,
    txInpoints: decodeInpoints(bytes),
  }
}

/** Plain loops, and neither views nor buffers: this is most of what a hit of the cache costs. */
function decodeInpoints(bytes: Uint8Array): CachedInpoint[] {
  const { byteLength } = bytes
  const parents = u32At(bytes, PARENTS_AT)
  const countsAt = PARENT_TXIDS_AT + parents * TXID_BYTES
  if (countsAt + parents * COUNT_BYTES > byteLength) throw malformed(`${parents} parents do not fit`)
  const inpoints: CachedInpoint[] = []
  let at = countsAt
  for (let parent = 0; parent < parents; parent++) {
    if (at + COUNT_BYTES > byteLength) throw malformed(`the outputs of parent ${parent} are missing`)
    const count = u32At(bytes, at)
    at += COUNT_BYTES
    if (at + count * 4 > byteLength) throw malformed(`${count} outputs of parent ${parent} do not fit`)
    const vouts: number[] = []
    for (const end = at + count * 4; at < end; at += 4) vouts.push(u32At(bytes, at))
    inpoints.push({ txid: txidAt(bytes, PARENT_TXIDS_AT + parent * TXID_BYTES), vouts })
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
  if (bytes.length < PARENT_TXIDS_AT) throw malformed(`${bytes.length} bytes are too few`)
  if ((flags & ~KNOWN_FLAGS) !== 0) throw malformed(`flags ${flags} are not all known`)
  if ((flags & FLAGS.conflicting) !== 0) throw malformed('a conflicting transaction is not cached')
}

function flagsOf({ isCoinbase, frozen, conflicting, locked }: CachedMetadata): number {
  return (
    (isCoinbase ? FLAGS.isCoinbase : 0) |
    (frozen ? FLAGS.frozen : 0) |
    (conflicting ? FLAGS.conflicting : 0) |
    (locked ? FLAGS.locked : 0)
  )
}

function unsigned(name: string, value: number): bigint {
  if (!Number.isSafeInteger(value) || value < 0) throw malformed(`${name} ${describe(value)} is no amount`)
  return BigInt(value)
}

/** By halves: a bigint for each would take as long as all the rest. */
function amountAt(bytes: Uint8Array, at: number, name: string): number {
  const value = u32At(bytes, at + 4) * 2 ** 32 + u32At(bytes, at)
  if (!Number.isSafeInteger(value)) throw malformed(`${name} ${value} is no amount`)
  return value
}

/** A copy of its own: so small an array lies within its object, and keeps no buffer of others alive. */
function txidAt(bytes: Uint8Array, at: number): Uint8Array {
  const txid = new Uint8Array(TXID_BYTES)
  for (let i = 0; i < TXID_BYTES; i++) txid[i] = bytes[at + i] as number
  return txid
}

function u32At(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  )
}

function malformed(what: string): StoreError {
  return new StoreError('PROCESSING', `these are no tx-meta bytes: ${what}`)
}
