import { InvalidArgumentError } from '../../errors/index.ts'
import type { BinValue } from '../transport.ts'

/**
 * A value as the npm client takes it: blobs have to be a `Buffer`, lists plain arrays. The client copies the bytes
 * before `batchWrite` returns.
 */
export function encodeValue(value: BinValue): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'bigint':
      return value
    case 'number':
      // The client would store a fraction as a double, which no bin of this store is.
      if (!Number.isSafeInteger(value))
        throw new InvalidArgumentError('bin value', 'a safe integer or a bigint', value)
      return value
    case 'object':
      return encodeObject(value)
    default:
      throw new InvalidArgumentError('bin value', 'a value that Aerospike can hold', value)
  }
}

function encodeObject(value: BinValue & (object | null)): unknown {
  if (value === null) return null
  if (Buffer.isBuffer(value)) return value
  if (value instanceof Uint8Array) return asBuffer(value)
  if (Array.isArray(value)) return value.map(encodeValue)
  if (value instanceof Map) return new Map([...value].map(([key, entry]) => [key, encodeValue(entry)]))
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, encodeValue(entry as BinValue)]),
  )
}

/** V8 keeps arrays up to this size on its heap, and moves one out of it when its buffer is asked for. */
const ON_HEAP_BYTES_MAX = 64

/** The same bytes; those of small arrays are copied, which costs less than to move them. */
function asBuffer(bytes: Uint8Array): Buffer {
  if (bytes.length > ON_HEAP_BYTES_MAX) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const copy = Buffer.allocUnsafe(bytes.length)
  copy.set(bytes)
  return copy
}
