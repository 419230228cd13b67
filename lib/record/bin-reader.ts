import { describe, StoreError } from '../errors/index.ts'
import type { Bins } from './bin-value.ts'
import { pageCountOf } from './page-count.ts'

const UINT32_MAX = 0xffff_ffff

/**
 * Reads bins with their types checked. A bin of a wrong type, or a missing one that has to be there, is damaged
 * data of our own: `STORAGE_ERROR`, never a TypeError in the midst of a batch (lesson 4).
 */
export class BinReader {
  readonly #bins: Bins

  constructor(bins: Bins) {
    this.#bins = bins
  }

  /** Absent reads as false. */
  boolean(bin: string): boolean {
    return this.#boolean(bin) ?? false
  }

  requiredBoolean(bin: string): boolean {
    return this.#boolean(bin) ?? this.#missing(bin, 'a boolean')
  }

  /** A safe integer; the store keeps nothing larger in the bins that this reads. */
  integer(bin: string): number | undefined {
    const value = this.#bins[bin]
    if (isSafe(value)) return value
    if (isAbsent(value)) return undefined
    if (!isInteger(value)) throw this.#wrong(bin, 'an integer', value)
    const number = Number(value)
    if (!Number.isSafeInteger(number)) throw this.#wrong(bin, 'an integer within 2^53', value)
    return number
  }

  pageCount(bin: string): number | undefined {
    return pageCountOf(this.#bins[bin])
  }

  requiredInteger(bin: string): number {
    return this.integer(bin) ?? this.#missing(bin, 'an integer')
  }

  /** A height: an integer of 32 bits. */
  height(bin: string): number | undefined {
    const value = this.integer(bin)
    if (value !== undefined && (value < 0 || value > UINT32_MAX))
      throw this.#wrong(bin, 'an unsigned integer of 32 bits', value)
    return value
  }

  /** An integer of 32 bits that has to be there. */
  requiredUint32(bin: string): number {
    return this.height(bin) ?? this.#missing(bin, 'an unsigned integer of 32 bits')
  }

  text(bin: string): string | undefined {
    const value = this.#bins[bin]
    if (typeof value === 'string') return value
    if (isAbsent(value)) return undefined
    throw this.#wrong(bin, 'a string', value)
  }

  bytes(bin: string, length: number): Uint8Array | undefined {
    const value = this.#bins[bin]
    if (isAbsent(value)) return undefined
    if (!(value instanceof Uint8Array) || value.length !== length)
      throw this.#wrong(bin, `${length} bytes`, value)
    return value
  }

  list(bin: string): readonly unknown[] | undefined {
    const value = this.#bins[bin]
    if (Array.isArray(value)) return value
    if (isAbsent(value)) return undefined
    throw this.#wrong(bin, 'a list', value)
  }

  /** Absent reads as empty. The list itself, where all of it is as it should be. */
  uint32List(bin: string): readonly number[] {
    const list = this.list(bin) ?? []
    return isUint32List(list) ? list : list.map(value => this.#uint32Of(bin, value))
  }

  /** A list of blobs; null stands for an element that is not there. Undefined for a missing bin. */
  blobs(bin: string): readonly (Uint8Array | null)[] | undefined {
    const list = this.list(bin)
    if (list === undefined) return undefined
    for (let at = 0; at < list.length; at++) {
      const value = list[at]
      if (value !== null && !(value instanceof Uint8Array)) throw this.#wrong(bin, 'a list of blobs', value)
    }
    return list as readonly (Uint8Array | null)[]
  }

  /**
   * A map whose keys are integers from 0. The npm client hands it over as an object, so that its keys come as
   * property names.
   */
  integerKeyedMap(bin: string): Map<number, unknown> | undefined {
    const value: unknown = this.#bins[bin]
    if (isAbsent(value)) return undefined
    if (!isMap(value)) throw this.#wrong(bin, 'a map', value)
    const entries: Iterable<[unknown, unknown]> = value instanceof Map ? value : Object.entries(value)
    return new Map(
      [...entries].map(([key, entry]) => {
        // Of objects it may throw, and none is a key of a map that was stored.
        const number = typeof key === 'object' ? Number.NaN : Number(key)
        if (!Number.isSafeInteger(number) || number < 0 || String(key) !== String(number))
          throw this.#wrong(bin, 'a map with integer keys', value)
        return [number, entry]
      }),
    )
  }

  #boolean(bin: string): boolean | undefined {
    const value = this.#bins[bin]
    if (typeof value === 'boolean') return value
    if (isAbsent(value)) return undefined
    throw this.#wrong(bin, 'a boolean', value)
  }

  #uint32Of(bin: string, value: unknown): number {
    const number = isInteger(value) ? Number(value) : -1
    if (!(number >= 0 && number <= UINT32_MAX))
      throw this.#wrong(bin, 'a list of unsigned integers of 32 bits', value)
    return number
  }

  #missing(bin: string, expected: string): never {
    throw new StoreError('STORAGE_ERROR', `the bin ${bin} must be ${expected}, but the record has none`)
  }

  #wrong(bin: string, expected: string, value: unknown): StoreError {
    return new StoreError('STORAGE_ERROR', `the bin ${bin} must be ${expected}, got ${describe(value)}`)
  }
}

function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null
}

function isSafe(value: unknown): value is number {
  return Number.isSafeInteger(value)
}

function isUint32List(list: readonly unknown[]): list is readonly number[] {
  for (let at = 0; at < list.length; at++) {
    const value = list[at]
    if (!isSafe(value) || value < 0 || value > UINT32_MAX) return false
  }
  return true
}

function isInteger(value: unknown): value is number | bigint {
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))
}

function isMap(value: unknown): value is ReadonlyMap<unknown, unknown> | Readonly<Record<string, unknown>> {
  if (value instanceof Map) return true
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  )
}
