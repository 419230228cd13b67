import { OPERATION_HEADER_BYTES, PARTICLE_TYPES } from '../../protocol/index.ts'
import type { EncodableBins } from './encodable-bins.ts'
import { NEVER_EXPIRES } from './expiry.ts'
import type { RecordState } from './record-image.ts'

// What records take on a real server's device, which sizes and the size limit of its records go by: measured.

/** Of every record, with the count of up to 127 bins. */
const RECORD_BYTES = 40
const VOID_TIME_BYTES = 4
/** Of each bin: type and length of the name. */
const BIN_BYTES = 2
/** In front of values of any length. */
const LENGTH_BYTES = 4
/** Integers have a shorter length in front of them. */
const INTEGER_LENGTH_BYTES = 1
/** GeoJSON is covered by cells of this size: one for a point. How many for a polygon is not known here. */
const GEOJSON_CELL_BYTES = 8
/** Sizes are multiples of this. */
const SIZE_UNIT_BYTES = 16

/** Places in a stored bin (protocol 3.3): u32 size of what follows, then these. */
const TYPE = 5
const NAME_BYTES = 7
const SIZE_BYTES = 4

export function recordSizeBytes(
  { setName, userKey, voidTimeSeconds }: Pick<RecordState, 'setName' | 'userKey' | 'voidTimeSeconds'>,
  { count, sizeBytes }: Pick<EncodableBins, 'count' | 'sizeBytes'>,
): number {
  let bytes = RECORD_BYTES + sizeBytes + numberBytes(count) - 1
  if (voidTimeSeconds !== NEVER_EXPIRES) bytes += VOID_TIME_BYTES
  if (setName !== '') bytes += 1 + setName.length
  if (userKey !== undefined) bytes += numberBytes(userKey.length) + userKey.length
  return Math.ceil(bytes / SIZE_UNIT_BYTES) * SIZE_UNIT_BYTES
}

/** Of a number that is written seven bits to a byte. */
function numberBytes(value: number): number {
  if (value < 0x80) return 1
  return value < 0x4000 ? 2 : 3
}

/** A bin whose value is the bytes of a source from `start` to before `end`. */
export function binSizeBytes(
  nameBytes: number,
  type: number,
  source: Buffer,
  start: number,
  end: number,
): number {
  return nameBytes + BIN_BYTES + valueSizeBytes(type, source, start, end)
}

function valueSizeBytes(type: number, source: Buffer, start: number, end: number): number {
  switch (type) {
    case PARTICLE_TYPES.INTEGER:
      return INTEGER_LENGTH_BYTES + integerSizeBytes(source, start)
    case PARTICLE_TYPES.DOUBLE:
    case PARTICLE_TYPES.BOOLEAN:
      return end - start
    case PARTICLE_TYPES.GEOJSON:
      return LENGTH_BYTES + GEOJSON_CELL_BYTES + end - start
    default:
      return LENGTH_BYTES + end - start
  }
}

/** The fewest of 1, 2, 4 and 8 bytes that an integer fits without a sign. */
function integerSizeBytes(source: Buffer, start: number): number {
  if (source.readUInt32BE(start) !== 0) return 8
  const value = source.readUInt32BE(start + 4)
  if (value > 0xffff) return 4
  return value > 0xff ? 2 : 1
}

/** The stored bin that begins at `start`. */
export function storedBinSizeBytes(source: Buffer, start: number, end: number): number {
  const nameBytes = source[start + NAME_BYTES] ?? 0
  const valueStart = start + OPERATION_HEADER_BYTES + nameBytes
  return binSizeBytes(nameBytes, source[start + TYPE] ?? 0, source, valueStart, end)
}

/** Stored bins that lie one behind the other. */
export function storedBinsSizeBytes(source: Buffer, start: number, end: number): number {
  let bytes = 0
  for (let at = start; at < end; ) {
    const next = at + SIZE_BYTES + source.readUInt32BE(at)
    bytes += storedBinSizeBytes(source, at, next)
    at = next
  }
  return bytes
}
