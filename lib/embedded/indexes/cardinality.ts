import type { IndexKey } from './index-key.ts'

/** Different keys that are kept at most: below, the count is exact. */
const SAMPLE_KEYS_MAX = 16_384
const LOW_WORD = 0x1_0000_0000

/** Bits that depend on all of a key. */
function mixed(key: IndexKey): number {
  const low = typeof key === 'number' ? (key % LOW_WORD) | 0 : Number(BigInt.asIntN(32, key))
  const high =
    typeof key === 'number' ? Math.floor(key / LOW_WORD) | 0 : Number(BigInt.asIntN(32, key >> 32n))
  let bits = Math.imul(low ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return bits ^ (bits >>> 16)
}

/**
 * About how many different keys there are. When they are too many to keep, only those whose bits end in some
 * zeros are, which stand for the rest.
 */
export function countDifferent(keys: Iterable<IndexKey>): number {
  let sample = new Set<IndexKey>()
  let mask = 0
  for (const key of keys) {
    if ((mixed(key) & mask) !== 0) continue
    sample.add(key)
    while (sample.size > SAMPLE_KEYS_MAX) {
      mask = (mask << 1) | 1
      sample = new Set([...sample].filter(kept => (mixed(kept) & mask) === 0))
    }
  }
  return sample.size * (mask + 1)
}
