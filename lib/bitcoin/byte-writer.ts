import { COMPACT_SIZE_PREFIX, compactSizeLength } from './compact-size.ts'
import { setUint32 } from './unsigned.ts'

/** Fills a buffer whose exact size is known beforehand; integers are little-endian. */
export class ByteWriter {
  readonly #buffer: Buffer
  #offset = 0

  /** @param buffer what to fill, of exactly that size; new memory by default */
  constructor(sizeBytes: number, buffer: Buffer = Buffer.allocUnsafe(sizeBytes)) {
    this.#buffer = buffer
  }

  /** @param value within range: it was read from bytes, or checked (`requireUint32`) */
  uint32(value: number): this {
    // Without the check of Buffer, which takes longer than the four bytes.
    setUint32(this.#buffer, this.#offset, value)
    this.#offset += 4
    return this
  }

  uint64(value: bigint): this {
    const number = Number(value)
    if (number >= 0 && Number.isSafeInteger(number)) {
      // Without the intermediate bigints that Buffer makes.
      const low = number >>> 0
      this.uint32(low).uint32((number - low) / 2 ** 32)
    } else this.#offset = this.#buffer.writeBigUInt64LE(value, this.#offset)
    return this
  }

  bytes(value: Uint8Array): this {
    this.#buffer.set(value, this.#offset)
    this.#offset += value.length
    return this
  }

  compactSize(value: number | bigint): this {
    const length = compactSizeLength(value)
    const at = this.#offset
    if (length === 1) this.#buffer[at] = Number(value)
    else if (length === 3) {
      this.#buffer[at] = COMPACT_SIZE_PREFIX.uint16
      this.#buffer.writeUInt16LE(Number(value), at + 1)
    } else if (length === 5) {
      this.#buffer[at] = COMPACT_SIZE_PREFIX.uint32
      this.#buffer.writeUInt32LE(Number(value), at + 1)
    } else {
      this.#buffer[at] = COMPACT_SIZE_PREFIX.uint64
      this.#buffer.writeBigUInt64LE(BigInt(value), at + 1)
    }
    this.#offset = at + length
    return this
  }

  /** A CompactSize length followed by the bytes. */
  variableBytes(value: Uint8Array): this {
    return this.compactSize(value.length).bytes(value)
  }

  /** What was written, as a plain array. */
  finish(): Uint8Array {
    const { buffer, byteOffset, byteLength } = this.filled()
    return new Uint8Array(buffer, byteOffset, byteLength)
  }

  /** The buffer. One that is not exactly full would send stale memory, so that is a defect. */
  filled(): Buffer {
    if (this.#offset !== this.#buffer.length) {
      throw new RangeError(`wrote ${this.#offset} bytes into a buffer of ${this.#buffer.length}`)
    }
    return this.#buffer
  }
}
