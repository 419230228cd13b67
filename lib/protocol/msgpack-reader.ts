import { ProtocolError } from './protocol-error.ts'

/** What a msgpack element is. `BYTES` are strings and blobs alike: the str and bin families. */
export const MSGPACK_KINDS = {
  NIL: 0,
  FALSE: 1,
  TRUE: 2,
  INTEGER: 3,
  FLOAT32: 4,
  FLOAT64: 5,
  BYTES: 6,
  LIST: 7,
  MAP: 8,
  EXTENSION: 9,
} as const

/** Nesting deeper than this is refused, so that walking a value cannot exhaust the stack. */
export const MSGPACK_DEPTH_MAX = 1024

/** Kind, bytes of the length or number behind the first byte, and payload bytes where the first byte fixes them. */
interface Format {
  readonly kind: number
  /** Bytes of a length or count that follow the first byte. */
  readonly lengthBytes: number
  /** The payload's bytes, or a container's count, when no length follows. */
  readonly size: number
}

const FORMATS: readonly (Format | undefined)[] = Array.from({ length: 256 }, (_, byte) => formatOf(byte))

function formatOf(byte: number): Format | undefined {
  const format = (kind: number, lengthBytes: number, size: number): Format => ({ kind, lengthBytes, size })
  const { NIL, FALSE, TRUE, INTEGER, FLOAT32, FLOAT64, BYTES, LIST, MAP, EXTENSION } = MSGPACK_KINDS
  if (byte <= 0x7f || byte >= 0xe0) return format(INTEGER, 0, 0)
  if (byte <= 0x8f) return format(MAP, 0, byte & 0x0f)
  if (byte <= 0x9f) return format(LIST, 0, byte & 0x0f)
  if (byte <= 0xbf) return format(BYTES, 0, byte & 0x1f)
  switch (byte) {
    case 0xc0:
      return format(NIL, 0, 0)
    case 0xc2:
      return format(FALSE, 0, 0)
    case 0xc3:
      return format(TRUE, 0, 0)
    case 0xc4:
    case 0xd9:
      return format(BYTES, 1, 0)
    case 0xc5:
    case 0xda:
      return format(BYTES, 2, 0)
    case 0xc6:
    case 0xdb:
      return format(BYTES, 4, 0)
    case 0xc7:
      return format(EXTENSION, 1, 0)
    case 0xc8:
      return format(EXTENSION, 2, 0)
    case 0xc9:
      return format(EXTENSION, 4, 0)
    case 0xca:
      return format(FLOAT32, 0, 4)
    case 0xcb:
      return format(FLOAT64, 0, 8)
    case 0xdc:
      return format(LIST, 2, 0)
    case 0xdd:
      return format(LIST, 4, 0)
    case 0xde:
      return format(MAP, 2, 0)
    case 0xdf:
      return format(MAP, 4, 0)
  }
  if (byte >= 0xcc && byte <= 0xd3) return format(INTEGER, 0, 1 << (byte & 0x03))
  if (byte >= 0xd4 && byte <= 0xd8) return format(EXTENSION, 0, 1 << (byte - 0xd4))
  return undefined
}

/**
 * Reads msgpack element by element without making objects of them: `next` steps onto one element and
 * describes it in `kind`, `start` and `size`. Containers are entered: their elements are what follows.
 */
export class MsgpackReader {
  source: Buffer
  /** Offset of the next element. */
  offset: number
  #end: number
  /** The first byte of the current element, and its offset. */
  #byte = 0
  elementStart = 0
  /** MSGPACK_KINDS of the current element. */
  kind: number = MSGPACK_KINDS.NIL
  /** BYTES, EXTENSION and numbers: offset of the payload. */
  start = 0
  /** BYTES and EXTENSION: bytes of the payload. LIST: elements. MAP: pairs. */
  size = 0
  /** EXTENSION: its type byte. */
  extensionType = 0

  constructor(source: Buffer, offset = 0, end = source.length) {
    this.source = source
    this.offset = offset
    this.#end = end
  }

  /** Begins anew with other bytes. */
  reset(source: Buffer, offset: number, end: number): void {
    this.source = source
    this.offset = offset
    this.#end = end
  }

  get atEnd(): boolean {
    return this.offset >= this.#end
  }

  /** Steps onto the next element. @throws ProtocolError when it is cut off or no msgpack. */
  next(): number {
    const { source } = this
    this.elementStart = this.offset
    this.#byte = source[this.#take(1)] ?? 0
    const format = FORMATS[this.#byte]
    if (format === undefined) throw new ProtocolError(`msgpack byte ${this.#byte}`)
    const { kind, lengthBytes } = format
    this.kind = kind
    this.size = lengthBytes === 0 ? format.size : this.#length(lengthBytes)
    if (kind === MSGPACK_KINDS.LIST || kind === MSGPACK_KINDS.MAP) this.#refuseCount()
    else {
      if (kind === MSGPACK_KINDS.EXTENSION) this.extensionType = source[this.#take(1)] ?? 0
      this.start = this.#take(this.size)
    }
    return kind
  }

  /** Steps over the next element with all that it contains. */
  skip(): void {
    for (let left = 1; left > 0; left--) {
      this.next()
      if (this.kind === MSGPACK_KINDS.LIST) left += this.size
      else if (this.kind === MSGPACK_KINDS.MAP) left += 2 * this.size
    }
  }

  /** The value of the current INTEGER: a number up to 32 bits, beyond that a bigint. */
  integer(): number | bigint {
    const { source, start } = this
    switch (this.#byte) {
      case 0xcc:
        return source.readUInt8(start)
      case 0xcd:
        return source.readUInt16BE(start)
      case 0xce:
        return source.readUInt32BE(start)
      case 0xcf:
        return source.readBigUInt64BE(start)
      case 0xd0:
        return source.readInt8(start)
      case 0xd1:
        return source.readInt16BE(start)
      case 0xd2:
        return source.readInt32BE(start)
      case 0xd3:
        return source.readBigInt64BE(start)
    }
    return this.#byte <= 0x7f ? this.#byte : this.#byte - 0x100
  }

  /** The value of the current FLOAT32 or FLOAT64. */
  float(): number {
    return this.kind === MSGPACK_KINDS.FLOAT32
      ? this.source.readFloatBE(this.start)
      : this.source.readDoubleBE(this.start)
  }

  /** The payload of the current BYTES or EXTENSION, a view. */
  payload(): Buffer {
    return this.source.subarray(this.start, this.start + this.size)
  }

  /** A container cannot have more elements than bytes follow: refused before anybody allocates for them. */
  #refuseCount(): void {
    const elements = this.kind === MSGPACK_KINDS.MAP ? 2 * this.size : this.size
    if (elements > this.#end - this.offset) {
      throw new ProtocolError(`msgpack container of ${elements} elements in ${this.#end - this.offset} bytes`)
    }
  }

  #length(bytes: number): number {
    const at = this.#take(bytes)
    // Most lengths: without the checks of Node's method.
    return bytes === 1 ? (this.source[at] ?? 0) : this.source.readUIntBE(at, bytes)
  }

  #take(bytes: number): number {
    const from = this.offset
    if (bytes > this.#end - from) throw new ProtocolError('msgpack is cut off')
    this.offset = from + bytes
    return from
  }
}
