/** msgpack: nil, booleans, and integers that are their own byte. */
const ONE_BYTE = (byte: number): boolean =>
  byte <= 0x7f || byte >= 0xe0 || byte === 0xc0 || byte === 0xc2 || byte === 0xc3

/** By the first byte of an element: how many bytes it has in all, or 0 for one that is not looked into here. */
const ELEMENT_BYTES = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (ONE_BYTE(byte)) return 1
  return byte >= 0xa0 && byte <= 0xbf ? 1 + (byte & 0x1f) : 0
})

/** str of one byte of length, and the longest that the shorter form has room for. */
const STR_8 = 0xd9
const STR_5_BITS_MAX = 0x1f
/** list of two bytes of count, and the largest that the shorter form has room for. */
const LIST_16 = 0xdc
const LIST_4_BITS_MAX = 0x0f
/** unsigned integers of 1, 2 and 4 bytes, and the largest that the next shorter form has room for. */
const UINT_8 = 0xcc
const UINT_16 = 0xcd
const UINT_32 = 0xce

/**
 * Whether bytes are a list that is stored as it is, told without reading it into anything: unordered, of nils,
 * booleans, integers and short strings or blobs, all in their shortest form. False says nothing:
 * `normaliseContainer` decides then.
 */
export function isPlainList(source: Buffer, start: number, end: number): boolean {
  const first = source[start] ?? 0
  let left = first & LIST_4_BITS_MAX
  let at = start + 1
  if (first === LIST_16 && end - start > 2) {
    left = source.readUInt16BE(at)
    at += 2
    if (left <= LIST_4_BITS_MAX) return false
  } else if (first < 0x90 || first > 0x9f) return false
  for (; left > 0 && at < end; left--) {
    const bytes = plainElementBytes(source, at, end)
    if (bytes === 0) return false
    at += bytes
  }
  return left === 0 && at === end
}

/** How many bytes an element has in all, or 0 for one that is not plain. */
function plainElementBytes(source: Buffer, at: number, end: number): number {
  const byte = source[at] ?? 0
  const bytes = ELEMENT_BYTES[byte] ?? 0
  if (bytes > 0) return bytes
  switch (byte) {
    case STR_8: {
      const size = source[at + 1] ?? 0
      return size > STR_5_BITS_MAX ? 2 + size : 0
    }
    case UINT_8:
      return (source[at + 1] ?? 0) > 0x7f ? 2 : 0
    case UINT_16:
      return end - at > 2 && source.readUInt16BE(at + 1) > 0xff ? 3 : 0
    case UINT_32:
      return end - at > 4 && source.readUInt32BE(at + 1) > 0xffff ? 5 : 0
    default:
      return 0
  }
}
