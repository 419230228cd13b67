const CAPACITY_BYTES = 4096

/** As an x86 processor makes it. */
const NOT_A_NUMBER = 0xfff8000000000000n

/** Grows as the server's dialect of msgpack is written into it, and is used again. Integers take as few bytes as they can. */
export class MsgpackBuffer {
  #buffer = Buffer.allocUnsafe(CAPACITY_BYTES)
  #length = 0

  clear(): void {
    this.#length = 0
    // One that was large once is not kept.
    if (this.#buffer.length > 16 * CAPACITY_BYTES) this.#buffer = Buffer.allocUnsafe(CAPACITY_BYTES)
  }

  /** What was written: a view, until the next write. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  /** What is encoded already. */
  encoded(bytes: Buffer): void {
    // Reserved first: it may put another buffer in the place of the one to write to.
    const at = this.#reserve(bytes.length)
    bytes.copy(this.#buffer, at)
  }

  nil(): void {
    this.#head(0xc0, 0, 0)
  }

  boolean(value: boolean): void {
    this.#head(value ? 0xc3 : 0xc2, 0, 0)
  }

  double(value: number): void {
    const at = this.#reserve(9)
    this.#buffer[at] = 0xcb
    if (Number.isNaN(value)) this.#buffer.writeBigUInt64BE(NOT_A_NUMBER, at + 1)
    else this.#buffer.writeDoubleBE(value, at + 1)
  }

  integer(value: bigint): void {
    const small = Number(value)
    if (small >= -0x80000000 && small <= 0xffffffff) {
      this.#smallInteger(small)
    } else {
      const at = this.#reserve(9)
      this.#buffer[at] = value >= 0n ? 0xcf : 0xd3
      this.#buffer.writeBigInt64BE(value, at + 1)
    }
  }

  #smallInteger(value: number): void {
    if (value >= 0) {
      if (value <= 0x7f) this.#head(value, 0, 0)
      else if (value <= 0xff) this.#head(0xcc, 1, value)
      else if (value <= 0xffff) this.#head(0xcd, 2, value)
      else this.#head(0xce, 4, value)
    } else if (value >= -0x20) this.#head(value & 0xff, 0, 0)
    else if (value >= -0x80) this.#head(0xd0, 1, value)
    else if (value >= -0x8000) this.#head(0xd1, 2, value)
    else this.#head(0xd2, 4, value)
  }

  /** A string or blob: its size counts the particle type in front of it. */
  text(type: number, bytes: Buffer): void {
    const size = bytes.length + 1
    if (size <= 0x1f) this.#head(0xa0 + size, 0, 0)
    else if (size <= 0xff) this.#head(0xd9, 1, size)
    else if (size <= 0xffff) this.#head(0xda, 2, size)
    else this.#head(0xdb, 4, size)
    const at = this.#reserve(size)
    this.#buffer[at] = type
    bytes.copy(this.#buffer, at + 1)
  }

  listHead(size: number): void {
    this.#containerHead(size, 0x90, 0xdc, 0xdd)
  }

  mapHead(size: number): void {
    this.#containerHead(size, 0x80, 0xde, 0xdf)
  }

  /** The element that says what a list is like. */
  listFlags(flags: number): void {
    this.#head(0xc7, 2, flags)
  }

  /** The same for a map: a pair. */
  mapFlags(flags: number): void {
    this.listFlags(flags)
    this.nil()
  }

  #containerHead(size: number, short: number, medium: number, long: number): void {
    if (size <= 0x0f) this.#head(short + size, 0, 0)
    else if (size <= 0xffff) this.#head(medium, 2, size)
    else this.#head(long, 4, size)
  }

  /** A byte, and the low `bytes` bytes of a value. */
  #head(byte: number, bytes: number, value: number): void {
    let at = this.#reserve(1 + bytes)
    this.#buffer[at] = byte
    for (let shift = 8 * (bytes - 1); shift >= 0; shift -= 8) this.#buffer[++at] = value >>> shift
  }

  /** Makes room, and answers where it is. */
  #reserve(bytes: number): number {
    const at = this.#length
    this.#length += bytes
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(2 * this.#length)
      this.#buffer.copy(larger, 0, 0, at)
      this.#buffer = larger
    }
    return at
  }
}
