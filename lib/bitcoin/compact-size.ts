/**
 * CompactSize, Bitcoin's variable-length unsigned integer, little-endian:
 *
 *     0 … 0xfc                 1 byte, the value itself
 *     0xfd … 0xffff            0xfd, then 2 bytes
 *     0x10000 … 0xffffffff     0xfe, then 4 bytes
 *     up to 2^64 − 1           0xff, then 8 bytes
 */
export const COMPACT_SIZE_PREFIX = { uint16: 0xfd, uint32: 0xfe, uint64: 0xff } as const

/** How many bytes `value` takes as a CompactSize. The value must be a whole number of 0 … 2^64 − 1. */
export function compactSizeLength(value: number | bigint): 1 | 3 | 5 | 9 {
  if (value < COMPACT_SIZE_PREFIX.uint16) return 1
  if (value <= 0xffff) return 3
  if (value <= 0xffff_ffff) return 5
  return 9
}
