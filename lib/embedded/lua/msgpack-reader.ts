import { MSGPACK_DEPTH_MAX } from '../../protocol/index.ts'
import { MSGPACK_HEADS, type MsgpackHead } from './msgpack-heads.ts'

/** Head bytes at which something begins. */
const FIRST_SHORT_TEXT = 0xa0
const EXTENSION_8 = 0xc7
const FIRST_SIGNED = 0xd0

/** Order by key and by value; the other flags are orders to the server, not properties of the value. */
const FLAGS_KEPT = 3

/** The elements of a list or the pairs of a map. */
export interface Elements {
  readonly size: number
  readonly flags: number
}

/** The data is not what its heads say. */
export class MalformedError extends Error {}

/** What the data is a part of: a heap that may be another one after it has grown. */
export interface HeapSource {
  readonly heap: Buffer
}

/**
 * Reads the server's dialect of msgpack on the heap: strings and blobs share one family and start with their particle
 * type, and an ordered list or map has an extension element (a pair, in a map) with its flags in front.
 */
export class MsgpackReader {
  readonly #source: HeapSource
  /** The address behind the last byte of the data. */
  #end = 0
  #at = 0
  #depth = 0

  constructor(source: HeapSource) {
    this.#source = source
  }

  /** Begins to read at an address. */
  open(at: number, end: number): void {
    this.#at = at
    this.#end = end
    this.#depth = 0
  }

  /** The address of the next byte to read. */
  get at(): number {
    return this.#at
  }

  /** The next byte to read, which is not taken. */
  next(): number {
    return this.byteAt(this.#at)
  }

  byteAt(address: number): number {
    if (address >= this.#end) throw new MalformedError()
    return this.#source.heap[address] ?? 0
  }

  /** Steps over so many bytes and answers where they begin. */
  take(bytes: number): number {
    const start = this.#at
    if (bytes > this.#end - start) throw new MalformedError()
    this.#at = start + bytes
    return start
  }

  head(): MsgpackHead {
    const head = MSGPACK_HEADS[this.byteAt(this.#at)]
    if (!head) throw new MalformedError()
    this.#at += 1
    return head
  }

  integer(byte: number, bytes: number): bigint {
    const start = this.take(bytes)
    const { heap } = this.#source
    if (bytes === 0) return BigInt(byte <= 0x7f ? byte : byte - 0x100)
    // Unsigned ones of 8 bytes wrap, as they do in Lua.
    if (bytes === 8) return heap.readBigInt64BE(start)
    return BigInt(byte < FIRST_SIGNED ? heap.readUIntBE(start, bytes) : heap.readIntBE(start, bytes))
  }

  double(bytes: number): number {
    const start = this.take(bytes)
    return bytes === 4 ? this.#source.heap.readFloatBE(start) : this.#source.heap.readDoubleBE(start)
  }

  /** The elements of a container or the bytes of a text. */
  size({ bytes }: MsgpackHead): number {
    if (bytes === 1) return this.byteAt(this.take(1))
    if (bytes > 0) return this.#source.heap.readUIntBE(this.take(bytes), bytes)
    const byte = this.byteAt(this.#at - 1)
    return byte & (byte >= FIRST_SHORT_TEXT ? 0x1f : 0x0f)
  }

  /** The elements, or pairs, behind the flags, which are an element or a pair in front of them. */
  elements(size: number, isMap = false): Elements {
    let elements: Elements = { size, flags: 0 }
    if (size > 0 && this.byteAt(this.#at) === EXTENSION_8) {
      const flags = this.byteAt(this.#at + 2) & FLAGS_KEPT
      this.take(3 + this.byteAt(this.#at + 1) + (isMap ? 1 : 0))
      elements = { size: size - 1, flags }
    }
    // Each takes a byte at least: a table is not made for more than there can be.
    if (elements.size > this.#end - this.#at) throw new MalformedError()
    return elements
  }

  skip(): void {
    this.skipBehind(this.head())
  }

  skipBehind(head: MsgpackHead): void {
    if (head.kind === 'text') this.take(this.size(head))
    else if (head.kind === 'extension') this.take(this.size(head) + 1)
    else if (head.kind === 'list' || head.kind === 'map') {
      this.enter()
      const size = this.size(head)
      for (let left = head.kind === 'map' ? 2 * size : size; left > 0; left--) this.skip()
      this.leave()
    } else this.take(head.bytes)
  }

  /** Steps into a container. */
  enter(): void {
    this.#depth += 1
    if (this.#depth > MSGPACK_DEPTH_MAX) throw new MalformedError()
  }

  leave(): void {
    this.#depth -= 1
  }

  /** Bytes before the first zero byte: strings are C strings in the server. */
  cStringBytes(start: number, bytes: number): number {
    const { heap } = this.#source
    for (let i = 0; i < bytes; i++) if (heap[start + i] === 0) return i
    return bytes
  }
}
