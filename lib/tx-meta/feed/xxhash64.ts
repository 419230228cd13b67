const PRIME_1 = 0x9e3779b185ebca87n
const PRIME_2 = 0xc2b2ae3d27d4eb4fn
const PRIME_3 = 0x165667b19e3779f9n
const PRIME_4 = 0x85ebca77c2b2ae63n
const INPUT_BYTES = 32
/** The lanes of a stripe, and by how many bits each is turned when they come together. */
const START = [wrapped(PRIME_1 + PRIME_2), PRIME_2, 0n, wrapped(-PRIME_1)] as const
const TURNS = [1n, 7n, 12n, 18n] as const

/**
 * xxHash64 of 32 bytes with seed 0, as messages of version 2 carry it of a txid. That is one stripe of the
 * algorithm and no remainder.
 *
 * @see https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
 */
export function xxHash64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, INPUT_BYTES)
  const lanes = START.map((start, lane) => round(start, view.getBigUint64(lane * 8, true)))
  let hash = 0n
  for (const [lane, turn] of TURNS.entries()) hash = wrapped(hash + turned(lanes[lane] as bigint, turn))
  for (const lane of lanes) hash = wrapped((hash ^ round(0n, lane)) * PRIME_1 + PRIME_4)
  hash = wrapped(hash + BigInt(INPUT_BYTES))
  hash = wrapped((hash ^ (hash >> 33n)) * PRIME_2)
  hash = wrapped((hash ^ (hash >> 29n)) * PRIME_3)
  return hash ^ (hash >> 32n)
}

function round(lane: bigint, input: bigint): bigint {
  return wrapped(turned(wrapped(lane + input * PRIME_2), 31n) * PRIME_1)
}

function turned(value: bigint, bits: bigint): bigint {
  return wrapped((value << bits) | (value >> (64n - bits)))
}

function wrapped(value: bigint): bigint {
  return BigInt.asUintN(64, value)
}
