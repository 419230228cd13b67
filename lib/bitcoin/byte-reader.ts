import { InvalidArgumentError } from '../errors/index.ts'
import { COMPACT_SIZE_PREFIX } from './compact-size.ts'
import { ParseError, TruncatedError } from './parse-error.ts'

/**
 * A cursor over bytes that somebody else wrote. Every read is checked against the end and throws a
 * {@link ParseError} naming the field, never a RangeError; integers are little-endian. What `bytes()` returns are
 * views into the caller's memory, not copies.
 */
export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #firstOffset: number
  #offset: number

  /**
   * @param firstOffset where the first of these bytes lies in what they are a piece of; errors count from there
   * @throws InvalidArgumentError when `bytes` is no byte array
   */
  constructor(bytes: Uint8Array, offset = 0, firstOffset = 0) {
    if (!(bytes instanceof Uint8Array)) throw new InvalidArgumentError('bytes', 'a byte array', bytes)
    this.#bytes = bytes
    this.#offset = offset
    this.#firstOffset = firstOffset
  }

  /** Where the next read starts, in bytes from the start. */
  get offset(): number {
    return this.#offset
  }

  /** How many bytes are left. */
  get remaining(): number {
    return this.#bytes.length - this.#offset
  }

  uint32(field: string): number {
    return this.#uint32At(this.#advance(4, field))
  }

  uint64(field: string): bigint {
    const at = this.#advance(8, field)
    const low = this.#uint32At(at)
    const high = this.#uint32At(at + 4)
    return high < 2 ** 21 ? BigInt(high * 2 ** 32 + low) : (BigInt(high) << 32n) | BigInt(low)
  }

  /** A view of the next `length` bytes. */
  bytes(length: number, field: string): Uint8Array {
    return this.#view(this.#advance(length, field), length)
  }

  /** A CompactSize length followed by that many bytes. */
  variableBytes(field: string): Uint8Array {
    const start = this.#offset
    const length = this.#compactSize(field)
    if (length > this.remaining) {
      const problem = `says ${length} bytes, but only ${this.remaining} are left`
      throw new TruncatedError(field, this.#firstOffset + start, problem, length - this.remaining)
    }
    return this.bytes(length, field)
  }

  /**
   * A CompactSize count of elements that take at least `elementBytesMin` bytes each. A count that the remaining
   * bytes cannot hold is refused here, before anyone allocates or loops by it.
   */
  count(elementBytesMin: number, field: string): number {
    const start = this.#offset
    const count = this.#compactSize(field)
    const countMax = Math.floor(this.remaining / elementBytesMin)
    if (count > countMax) {
      const problem = `is ${count}, but the ${this.remaining} bytes left hold at most ${countMax}`
      const missingBytes = count * elementBytesMin - this.remaining
      throw new TruncatedError(field, this.#firstOffset + start, problem, missingBytes)
    }
    return count
  }

  /** A CompactSize that says nothing about the bytes that follow it here. */
  compactSize(field: string): number {
    return this.#compactSize(field)
  }

  /** A view of everything from `start` up to the cursor. */
  since(start: number): Uint8Array {
    return this.#view(start, this.#offset - start)
  }

  /** Whether the next bytes are `expected`; moves past them only then. */
  skip(expected: readonly number[]): boolean {
    for (let index = 0; index < expected.length; index++) {
      if (this.#bytes[this.#offset + index] !== expected[index]) return false
    }
    this.#offset += expected.length
    return true
  }

  /** Refuses bytes that nothing has read. */
  expectEnd(field: string): void {
    if (this.remaining > 0) {
      throw new ParseError(
        field,
        this.#firstOffset + this.#offset,
        `ends here, but ${this.remaining} more bytes follow`,
      )
    }
  }

  /** Always a plain Uint8Array, also where the caller passed a Buffer. */
  #view(start: number, length: number): Uint8Array {
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + start, length)
  }

  #byteAt(at: number): number {
    return this.#bytes[at] as number // checked by #advance
  }

  #uint32At(at: number): number {
    const high = this.#byteAt(at + 2) | (this.#byteAt(at + 3) << 8)
    return ((high << 16) | this.#byteAt(at) | (this.#byteAt(at + 1) << 8)) >>> 0
  }

  /**
   * Nodes refuse a value that is not in its shortest form, because two encodings of one transaction would
   * have two txids; so does this. A value above 2^53 is refused as well: no length or count comes near it.
   */
  #compactSize(field: string): number {
    const start = this.#offset
    const first = this.#byteAt(this.#advance(1, field))
    if (first < COMPACT_SIZE_PREFIX.uint16) return first
    const [value, valueMin] = this.#longCompactSize(first, field)
    if (value < valueMin) {
      throw new ParseError(
        field,
        this.#firstOffset + start,
        `is ${value} in more bytes than it needs (not a canonical CompactSize)`,
      )
    }
    return value
  }

  #longCompactSize(prefix: number, field: string): [value: number, valueMin: number] {
    if (prefix === COMPACT_SIZE_PREFIX.uint16) {
      const at = this.#advance(2, field)
      return [this.#byteAt(at) | (this.#byteAt(at + 1) << 8), COMPACT_SIZE_PREFIX.uint16]
    }
    if (prefix === COMPACT_SIZE_PREFIX.uint32) return [this.uint32(field), 0x1_0000]
    const start = this.#offset - 1
    const value = this.uint64(field)
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new ParseError(field, this.#firstOffset + start, `is ${value}, more than any input could hold`)
    }
    return [Number(value), 0x1_0000_0000]
  }

  #advance(length: number, field: string): number {
    const start = this.#offset
    if (length > this.#bytes.length - start) {
      const problem = `needs ${length} bytes, but only ${this.remaining} are left`
      throw new TruncatedError(field, this.#firstOffset + start, problem, length - this.remaining)
    }
    this.#offset = start + length
    return start
  }
}
