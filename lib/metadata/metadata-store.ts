import { checkObject, InvalidArgumentError } from '../errors/index.ts'

/** What one batch changes; a key is in one of the two only. */
export interface MetadataBatch {
  readonly puts: ReadonlyMap<string, Uint8Array>
  readonly deletes: readonly string[]
}

/** Small values by name: last heights, cursors, states of jobs. */
export interface MetadataStore {
  /** The value, or undefined where there is none. */
  getMetadata(key: string): Promise<Uint8Array | undefined>
  setMetadata(key: string, value: Uint8Array): Promise<void>
  /** A missing key is fine. */
  deleteMetadata(key: string): Promise<void>
  /** Applies all changes or none. `PROCESSING` says that there is no room for them, whatever is tried. */
  batchMetadata(batch: MetadataBatch): Promise<void>
  /** Idempotent. Calls after it are refused with `SERVICE_UNAVAILABLE`. */
  close(): Promise<void>
}

const KEY_BYTES_MAX = 256
const VALUE_BYTES_MAX = 16_384
/** As Unicode has it, only surrogates without their other half are such. */
const NOT_KEPT = /\0|\p{Surrogate}|^__proto__$/u

/**
 * Throws `INVALID_ARGUMENT` for what not every transport brings to the server and back as it was: the client ends a key
 * at a NUL, answers maps as objects without `__proto__`, and takes unpaired surrogates for one another.
 */
export function checkKey(key: string): void {
  const isText = typeof key === 'string' && key.length > 0 && key.length <= KEY_BYTES_MAX
  if (!isText || Buffer.byteLength(key) > KEY_BYTES_MAX || NOT_KEPT.test(key))
    throw new InvalidArgumentError(
      'metadata key',
      `text of 1 to ${KEY_BYTES_MAX} bytes without NUL and unpaired surrogates, and not __proto__`,
      key,
    )
}

/** Throws `INVALID_ARGUMENT` for what is no batch; its keys and values are not looked at. */
export function checkBatch(batch: MetadataBatch): void {
  checkObject('batch', batch)
  const { puts, deletes } = batch
  if (!(puts instanceof Map)) throw new InvalidArgumentError('batch.puts', 'a Map of text to bytes', puts)
  if (!Array.isArray(deletes)) throw new InvalidArgumentError('batch.deletes', 'an array of keys', deletes)
}

/** Throws `INVALID_ARGUMENT` for what one record with all values should not hold. */
export function checkValue(value: Uint8Array): void {
  if (!(value instanceof Uint8Array && value.length <= VALUE_BYTES_MAX))
    throw new InvalidArgumentError('metadata value', `at most ${VALUE_BYTES_MAX} bytes`, value)
}
