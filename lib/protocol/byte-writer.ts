const FIRST_CAPACITY_BYTES = 256

/** Fills a buffer that grows as needed. Integers are big-endian, as everything in Aerospike's frames is. */
export class ByteWriter {
  #buffer: Buffer
  #length = 0

  constructor(capacityBytes = FIRST_CAPACITY_BYTES) {
    this.#buffer = Buffer.allocUnsafe(capacityBytes)
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length
  }

  /** The buffer written to. A write may put another in its place: ask again after each. */
  get buffer(): Buffer {
    return this.#buffer
  }

  /** The bytes written so far: a view that the next write may leave behind. */
  view(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  uint8(value: number): this {
    // Reserved first: it may put another buffer in the place of the one to write to.
    const at = this.reserve(1)
    this.#buffer[at] = value
    return this
  }

  uint16(value: number): this {
    const at = this.reserve(2)
    this.#buffer.writeUInt16BE(value, at)
    return this
  }

  uint32(value: number): this {
    const at = this.reserve(4)
    this.#buffer.writeUInt32BE(value, at)
    return this
  }

  /** The low 64 bits: signed and unsigned integers alike. */
  int64(value: bigint): this {
    const at = this.reserve(8)
    this.#buffer.writeBigInt64BE(BigInt.asIntN(64, value), at)
    return this
  }

  double(value: number): this {
    const at = this.reserve(8)
    this.#buffer.writeDoubleBE(value, at)
    return this
  }

  bytes(value: Uint8Array): this {
    const at = this.reserve(value.length)
    this.#buffer.set(value, at)
    return this
  }

  /** Takes back everything written from `length` on. */
  truncate(length: number): this {
    this.#length = Math.min(length, this.#length)
    return this
  }

  /** Appends bytes that the caller fills in, in `buffer` from the offset returned. */
  reserve(bytes: number): number {
    const at = this.#length
    const needed = at + bytes
    if (needed > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#buffer.length))
      this.#buffer.copy(grown, 0, 0, at)
      this.#buffer = grown
    }
    this.#length = needed
    return at
  }
}
