import { PARTICLE_TYPES, RESULT_CODES } from '../../protocol/index.ts'
import { badRequest, CommandError } from '../command-error.ts'
import { hashKey, integerKey } from '../indexes/index-key.ts'
import type { IndexInterval } from '../indexes/secondary-index.ts'
import { BIN_NAME_BYTES_MAX } from '../limits.ts'

// Field 22 (protocol 10.3), integers big-endian:
//
//   u8  number of ranges, always 1
//   u8  length of the bin's name · name
//   u8  particle type
//   u32 length of the first value · first value
//   u32 length of the last value · last value

/** Strings and blobs that are looked for have to be shorter. */
const VALUE_BYTES_END = 2048
const INTEGER_BYTES = 8

export interface IndexRange {
  /** One character per byte; empty when the index is named otherwise. */
  readonly binName: string
  /** The particle type of the values looked for. */
  readonly valueType: number
  readonly interval: IndexInterval
}

/** Takes parts of a field, one after the other. Every method throws CommandError PARAMETER at its end. */
class FieldCursor {
  readonly #data: Buffer
  #offset = 0

  constructor(data: Buffer) {
    this.#data = data
  }

  bytes(length: number): Buffer {
    const end = this.#offset + length
    if (end > this.#data.length) throw badRequest('index range is cut off')
    const part = this.#data.subarray(this.#offset, end)
    this.#offset = end
    return part
  }

  uint8(): number {
    return this.bytes(1).readUInt8(0)
  }

  sized(): Buffer {
    return this.bytes(this.bytes(4).readUInt32BE(0))
  }
}

/**
 * What a query looks for in an index. Bytes behind the range are ignored, as a real server does.
 *
 * @throws CommandError PARAMETER for anything but one range whose first value is not above its last;
 *   UNSUPPORTED_FEATURE for a GeoJSON region
 */
export function parseIndexRange(data: Buffer): IndexRange {
  const cursor = new FieldCursor(data)
  if (cursor.uint8() !== 1) throw badRequest('number of index ranges')
  const binName = cursor.bytes(cursor.uint8()).toString('latin1')
  if (binName.length > BIN_NAME_BYTES_MAX) throw badRequest('name of a bin too long')
  const valueType = cursor.uint8()
  return { binName, valueType, interval: interval(valueType, cursor.sized(), cursor.sized()) }
}

function interval(valueType: number, first: Buffer, last: Buffer): IndexInterval {
  switch (valueType) {
    case PARTICLE_TYPES.INTEGER:
      return integerInterval(first, last)
    case PARTICLE_TYPES.STRING:
    case PARTICLE_TYPES.BLOB: {
      // Only equality can be asked for: a real server does not look at the last value either.
      if (first.length >= VALUE_BYTES_END) throw badRequest('value too long for an index')
      const key = hashKey(first)
      return { begin: key, end: key, bytes: first }
    }
    case PARTICLE_TYPES.GEOJSON:
      throw new CommandError(RESULT_CODES.UNSUPPORTED_FEATURE, 'GeoJSON queries are not supported')
    default:
      throw badRequest(`index range of particle type ${valueType}`)
  }
}

function integerInterval(first: Buffer, last: Buffer): IndexInterval {
  if (first.length !== INTEGER_BYTES || last.length !== INTEGER_BYTES) throw badRequest('width of an integer')
  const begin = integerKey(first, 0)
  const end = integerKey(last, 0)
  if (begin > end) throw badRequest('index range that ends before it begins')
  return { begin, end, bytes: undefined }
}
