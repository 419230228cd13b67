import {
  OPERATION_CODES,
  OPERATION_HEADER_BYTES,
  operationBytes,
  type Particle,
  writeBin,
} from '../../protocol/index.ts'
import type { EncodableBins } from './encodable-bins.ts'
import { binSizeBytes } from './record-size.ts'

export interface Bin extends Particle {
  /** One character per byte (latin1). */
  readonly name: string
  readonly value: Buffer
}

/** The word that an operation's own size stands in front of it with (protocol 3.3). */
const OPERATION_SIZE_BYTES = 4

/** Below this many bins a search along the list is faster than a map would be. */
const INDEXED_FROM = 32

/**
 * The bins of a record, while a command works on them.
 *
 * Stored, they are one buffer in the layout of a reply's operations (protocol 3.3), so that a read of all
 * bins is one copy. Their order is the server's: new bins go to the end, and a removed one is replaced by
 * the last (protocol 5.2).
 */
export class BinList implements EncodableBins {
  readonly #bins: Bin[]
  /** Position by name, once the list is long. */
  #positions: Map<string, number> | undefined

  private constructor(bins: Bin[]) {
    this.#bins = bins
    if (bins.length >= INDEXED_FROM) this.#index()
  }

  static empty(): BinList {
    return new BinList([])
  }

  /** A list of bins whose names differ; the values are kept as they are, not copied, until `encodeInto`. */
  static of(bins: Bin[]): BinList {
    return new BinList(bins)
  }

  /** The list behind a stored buffer; the values are views of it. */
  static decode(stored: Buffer, count: number): BinList {
    const bins: Bin[] = new Array(count)
    let at = 0
    for (let index = 0; index < count; index++) {
      const end = at + OPERATION_SIZE_BYTES + stored.readUInt32BE(at)
      const valueStart = at + OPERATION_HEADER_BYTES + stored.readUInt8(at + 7)
      bins[index] = {
        name: stored.toString('latin1', at + OPERATION_HEADER_BYTES, valueStart),
        type: stored.readUInt8(at + 5),
        value: stored.subarray(valueStart, end),
      }
      at = end
    }
    return new BinList(bins)
  }

  get count(): number {
    return this.#bins.length
  }

  [Symbol.iterator](): IterableIterator<Bin> {
    return this.#bins.values()
  }

  get(name: string): Bin | undefined {
    return this.#bins[this.#position(name)]
  }

  /** Sets a bin. The value is kept as it is, not copied, until `encodeInto`. */
  set(name: string, type: number, value: Buffer): void {
    const bin = { name, type, value }
    const at = this.#position(name)
    if (at >= 0) {
      this.#bins[at] = bin
      return
    }
    this.#bins.push(bin)
    if (this.#positions !== undefined) this.#positions.set(name, this.#bins.length - 1)
    else if (this.#bins.length >= INDEXED_FROM) this.#index()
  }

  delete(name: string): void {
    const at = this.#position(name)
    const last = this.#bins.pop()
    if (at < 0) {
      if (last !== undefined) this.#bins.push(last)
      return
    }
    this.#positions?.delete(name)
    if (last === undefined || last.name === name) return
    this.#bins[at] = last
    this.#positions?.set(last.name, at)
  }

  clear(): void {
    this.#bins.length = 0
    this.#positions = undefined
  }

  /** Bytes of the stored form. */
  get encodedBytes(): number {
    let bytes = 0
    for (const bin of this.#bins) bytes += operationBytes(bin.name, bin.value)
    return bytes
  }

  get sizeBytes(): number {
    let bytes = 0
    for (const { name, type, value } of this.#bins) {
      bytes += binSizeBytes(name.length, type, value, 0, value.length)
    }
    return bytes
  }

  encodeInto(target: Buffer, offset: number): void {
    let at = offset
    for (const bin of this.#bins)
      at = writeBin(target, at, OPERATION_CODES.READ, bin.type, bin.name, bin.value)
  }

  #position(name: string): number {
    if (this.#positions !== undefined) return this.#positions.get(name) ?? -1
    const bins = this.#bins
    for (let at = 0; at < bins.length; at++) if (bins[at]?.name === name) return at
    return -1
  }

  #index(): void {
    this.#positions = new Map(this.#bins.map((bin, at) => [bin.name, at]))
  }
}

/** One bin of a stored buffer, without decoding the others. The value is a view of it. */
export function findStoredBin(stored: Buffer, count: number, name: string): Omit<Bin, 'name'> | undefined {
  let at = 0
  for (let left = count; left > 0; left--) {
    const end = storedBinEnd(stored, at)
    if (isNameAt(stored, at, name)) {
      const value = stored.subarray(at + OPERATION_HEADER_BYTES + name.length, end)
      return { type: stored.readUInt8(at + 5), value }
    }
    at = end
  }
  return undefined
}

/** Where the bin that begins at `at` of a stored buffer ends. */
export function storedBinEnd(stored: Buffer, at: number): number {
  return at + OPERATION_SIZE_BYTES + stored.readUInt32BE(at)
}

/** Whether the bin that begins at `at` of a stored buffer has a name. */
export function isNameAt(stored: Buffer, at: number, name: string): boolean {
  if (stored[at + OPERATION_HEADER_BYTES - 1] !== name.length) return false
  for (let character = 0; character < name.length; character++) {
    if (stored[at + OPERATION_HEADER_BYTES + character] !== name.charCodeAt(character)) return false
  }
  return true
}
