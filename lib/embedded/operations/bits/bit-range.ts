/** Neighbouring bits of a blob; bit 0 is the highest of the first byte. */
export interface BitRange {
  readonly offset: number
  readonly size: number
}

const BITS_PER_BYTE = 8

export function bytesFor(bits: number): number {
  return Math.ceil(bits / BITS_PER_BYTE)
}

export function bitsOf(blob: Uint8Array): number {
  return blob.length * BITS_PER_BYTE
}

/** The bits of a range from the highest bit of the first byte on; bits behind the last are zero. */
export function readBits(blob: Uint8Array, { offset, size }: BitRange): Buffer {
  const bits = Buffer.alloc(bytesFor(size))
  const from = Math.floor(offset / BITS_PER_BYTE)
  const shift = offset % BITS_PER_BYTE
  for (let at = 0; at < bits.length; at++) {
    const high = blob[from + at] ?? 0
    const low = blob[from + at + 1] ?? 0
    bits[at] = ((high << BITS_PER_BYTE) | low) >>> (BITS_PER_BYTE - shift)
  }
  clearBehind(bits, size)
  return bits
}

/** A copy of a blob with the bits of a range taken from the highest bit of the first byte on. */
export function withBits(blob: Uint8Array, { offset, size }: BitRange, bits: Uint8Array): Buffer {
  const changed = Buffer.from(blob)
  const from = Math.floor(offset / BITS_PER_BYTE)
  const shift = offset % BITS_PER_BYTE
  const last = bytesFor(offset + size) - 1
  for (let at = from; at <= last; at++) {
    const high = bits[at - from - 1] ?? 0
    const low = bits[at - from] ?? 0
    const mask = maskWithin(at, offset, offset + size)
    const value = ((high << BITS_PER_BYTE) | low) >>> shift
    changed[at] = ((changed[at] ?? 0) & ~mask) | (value & mask)
  }
  return changed
}

/** Which bits of a byte are between two bit offsets. */
function maskWithin(byteAt: number, start: number, end: number): number {
  const first = Math.max(start - byteAt * BITS_PER_BYTE, 0)
  const behind = Math.min(end - byteAt * BITS_PER_BYTE, BITS_PER_BYTE)
  return (0xff >>> first) & (0xff << (BITS_PER_BYTE - behind))
}

function clearBehind(bits: Buffer, size: number): void {
  const last = bits.length - 1
  if (last >= 0) bits[last] = (bits[last] ?? 0) & maskWithin(last, 0, size)
}

/** Number of bits set. */
export function countBits(bits: Uint8Array): number {
  let count = 0
  for (const byte of bits) for (let left = byte; left !== 0; left &= left - 1) count++
  return count
}

export function bitAt(bits: Uint8Array, offset: number): boolean {
  const byte = bits[Math.floor(offset / BITS_PER_BYTE)] ?? 0
  return ((byte << (offset % BITS_PER_BYTE)) & 0x80) !== 0
}

/** The first `size` bits as an unsigned integer. */
export function integerFromBits(bits: Buffer, size: number): bigint {
  return BigInt(`0x${bits.toString('hex')}`) >> BigInt(bitsOf(bits) - size)
}

/** The low `size` bits of an integer, from the highest bit of the first byte on. */
export function bitsFromInteger(value: bigint, size: number): Buffer {
  const bytes = bytesFor(size)
  const aligned = BigInt.asUintN(size, value) << BigInt(bytes * BITS_PER_BYTE - size)
  return Buffer.from(aligned.toString(16).padStart(2 * bytes, '0'), 'hex')
}
