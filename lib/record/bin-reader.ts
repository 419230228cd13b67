import { describe, StoreError } from '../errors/index.ts'
import type { Bins } from './bin-value.ts'

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
    return this.#optional(bin, 'a boolean', (value): value is boolean => typeof value === 'boolean') ?? false
  }

  requiredBoolean(bin: string): boolean {
    return this.#required(
      bin,
      'a boolean',
      this.#optional(bin, 'a boolean', (value): value is boolean => typeof value === 'boolean'),
    )
  }

  /** A safe integer; the store keeps nothing larger in the bins that this reads. */
  integer(bin: string): number | undefined {
    const value = this.#optional(bin, 'an integer', isInteger)
    if (value === undefined) return undefined
    const number = Number(value)
    if (!Number.isSafeInteger(number)) throw this.#wrong(bin, 'an integer within 2^53', value)
    return number
  }

  requiredInteger(bin: string): number {
    return this.#required(bin, 'an integer', this.integer(bin))
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
    return this.#required(bin, 'an unsigned integer of 32 bits', this.height(bin))
  }

  text(bin: string): string | undefined {
    return this.#optional(bin, 'a string', (value): value is string => typeof value === 'string')
  }

  bytes(bin: string, length: number): Uint8Array | undefined {
    const value = this.#optional(
      bin,
      `${length} bytes`,
      (entry): entry is Uint8Array => entry instanceof Uint8Array,
    )
    if (value !== undefined && value.byteLength !== length) throw this.#wrong(bin, `${length} bytes`, value)
    return value
  }

  list(bin: string): readonly unknown[] | undefined {
    return this.#optional(bin, 'a list', (value): value is readonly unknown[] => Array.isArray(value))
  }

  /** Absent reads as empty. */
  uint32List(bin: string): number[] {
    return (this.list(bin) ?? []).map(value => {
      const number = isInteger(value) ? Number(value) : -1
      if (!(number >= 0 && number <= UINT32_MAX))
        throw this.#wrong(bin, 'a list of unsigned integers of 32 bits', value)
      return number
    })
  }

  /** A list of blobs; null stands for an element that is not there. Undefined for a missing bin. */
  blobs(bin: string): (Uint8Array | null)[] | undefined {
    return this.list(bin)?.map(value => {
      if (value !== null && !(value instanceof Uint8Array)) throw this.#wrong(bin, 'a list of blobs', value)
      return value
    })
  }

  /**
   * A map whose keys are integers from 0. The npm client hands it over as an object, so that its keys come as
   * property names.
   */
  integerKeyedMap(bin: string): Map<number, unknown> | undefined {
    const value = this.#optional(bin, 'a map', isMap)
    if (value === undefined) return undefined
    const entries: Iterable<[unknown, unknown]> = value instanceof Map ? value : Object.entries(value)
    return new Map(
      [...entries].map(([key, entry]) => {
        const number = Number(key)
        if (!Number.isSafeInteger(number) || number < 0 || String(key) !== String(number))
          throw this.#wrong(bin, 'a map with integer keys', value)
        return [number, entry]
      }),
    )
  }

  #optional<Value>(bin: string, expected: string, is: (value: unknown) => value is Value): Value | undefined {
    const value: unknown = this.#bins[bin]
    if (value === undefined || value === null) return undefined
    if (!is(value)) throw this.#wrong(bin, expected, value)
    return value
  }

  #required<Value>(bin: string, expected: string, value: Value | undefined): Value {
    if (value === undefined)
      throw new StoreError('STORAGE_ERROR', `the bin ${bin} must be ${expected}, but the record has none`)
    return value
  }

  #wrong(bin: string, expected: string, value: unknown): StoreError {
    return new StoreError('STORAGE_ERROR', `the bin ${bin} must be ${expected}, got ${describe(value)}`)
  }
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
