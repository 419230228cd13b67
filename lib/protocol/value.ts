/** A number that has to be stored as a double although it has no fraction. */
export class Double {
  readonly value: number

  constructor(value: number) {
    this.value = value
  }
}

/** A GeoJSON text. */
export class GeoJson {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/**
 * What a bin, list or map can hold, as JavaScript values.
 *
 * Written: numbers without a fraction are integers, others doubles (`Double` forces one); bytes are blobs;
 * a `Map` becomes a key-ordered map. Read: integers come as number within ±2^53 and as bigint beyond, doubles
 * as number, blobs of every kind as bytes, which are copies.
 */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Double
  | GeoJson
  | readonly Value[]
  | ReadonlyMap<Value, Value>

/** An integer as callers want it: a number where that is exact. */
export function exactInteger(value: number | bigint): number | bigint {
  if (typeof value === 'number') return value
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : value
}
