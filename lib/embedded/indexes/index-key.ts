/**
 * What an index orders its entries by: an integer, or the hash of a string or blob. A number where that is
 * exact and a bigint beyond, so that equal keys are identical and any two compare.
 */
export type IndexKey = number | bigint

const LOW_WORD = 0x1_0000_0000
/** High words of the integers that a number holds exactly, from the least on. */
const SAFE_HIGH_WORD_MIN = -0x20_0000
const SAFE_HIGH_WORD_END = 0x20_0000
const HASH_HIGH_BITS_MASK = 0x1f_ffff

/** The key of an integer particle: 64 bits, big-endian. */
export function integerKey(source: Buffer, offset: number): IndexKey {
  const high = source.readInt32BE(offset)
  const key = high * LOW_WORD + source.readUInt32BE(offset + 4)
  return high >= SAFE_HIGH_WORD_MIN && high < SAFE_HIGH_WORD_END && Number.isSafeInteger(key)
    ? key
    : source.readBigInt64BE(offset)
}

/** An integer as a key. */
export function keyOfInteger(value: number | bigint): IndexKey {
  if (typeof value === 'number') return value
  const wrapped = BigInt.asIntN(64, value)
  const key = Number(wrapped)
  return Number.isSafeInteger(key) ? key : wrapped
}

/**
 * The key of a string or blob: 53 bits that depend on every byte. Different bytes may have the same key, so
 * whoever finds an entry compares the bytes.
 */
export function hashKey(bytes: Buffer): IndexKey {
  let low = 0x811c9dc5
  let high = 0x9e3779b9
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    low = Math.imul(low ^ byte, 0x01000193)
    high = Math.imul(high ^ byte, 0x85ebca6b)
    high ^= high >>> 15
  }
  low = Math.imul(low ^ (high >>> 13), 0xc2b2ae35)
  high = Math.imul(high ^ (low >>> 16), 0x27d4eb2f)
  return (high & HASH_HIGH_BITS_MASK) * LOW_WORD + ((low ^ (low >>> 15)) >>> 0)
}

/** The 8 bytes of a key in replies and resumed queries: little-endian (protocol 3.2, field 15). */
export function writeKey(key: IndexKey): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigInt64LE(BigInt(key))
  return bytes
}

export function readKey(bytes: Buffer): IndexKey {
  return keyOfInteger(bytes.readBigInt64LE(0))
}
