import { InvalidArgumentError } from '../errors/index.ts'
import { decodeMsgpack, encodeMsgpack, within64Bits } from './msgpack.ts'
import { PARTICLE_TYPES } from './particle-types.ts'
import { ProtocolError } from './protocol-error.ts'
import { Double, exactInteger, GeoJson, type Value } from './value.ts'

/** A value as operations and bins carry it (protocol 3.4). */
export interface Particle {
  readonly type: number
  readonly value: Uint8Array
}

const EMPTY = Buffer.alloc(0)
/** flags u8 · number of cells u16 BE · cells u64 BE each · JSON text */
const GEOJSON_HEADER_BYTES = 3
const GEOJSON_CELL_BYTES = 8

/** @throws InvalidArgumentError for values that Aerospike has no particle for (see Value). */
export function encodeParticle(value: Value): Particle {
  if (value === null) return { type: PARTICLE_TYPES.NULL, value: EMPTY }
  if (typeof value === 'boolean') return { type: PARTICLE_TYPES.BOOLEAN, value: Buffer.from([value ? 1 : 0]) }
  if (typeof value === 'string') return { type: PARTICLE_TYPES.STRING, value: Buffer.from(value, 'utf8') }
  if (typeof value === 'bigint') return integerParticle(within64Bits(value))
  if (typeof value === 'number') {
    const isInteger = Number.isSafeInteger(value) && !Object.is(value, -0)
    return isInteger ? integerParticle(BigInt(value)) : doubleParticle(value)
  }
  if (value instanceof Uint8Array) return { type: PARTICLE_TYPES.BLOB, value }
  if (value instanceof Double) return doubleParticle(value.value)
  if (value instanceof GeoJson) return geoJsonParticle(value.text)
  if (value instanceof Map) return { type: PARTICLE_TYPES.MAP, value: encodeMsgpack(value) }
  if (Array.isArray(value)) return { type: PARTICLE_TYPES.LIST, value: encodeMsgpack(value) }
  throw new InvalidArgumentError('value', 'a value that a bin can hold', value)
}

function integerParticle(integer: bigint): Particle {
  const value = Buffer.allocUnsafe(8)
  value.writeBigInt64BE(integer)
  return { type: PARTICLE_TYPES.INTEGER, value }
}

function doubleParticle(double: number): Particle {
  const value = Buffer.allocUnsafe(8)
  value.writeDoubleBE(double)
  return { type: PARTICLE_TYPES.DOUBLE, value }
}

function geoJsonParticle(text: string): Particle {
  const value = Buffer.concat([Buffer.alloc(GEOJSON_HEADER_BYTES), Buffer.from(text, 'utf8')])
  return { type: PARTICLE_TYPES.GEOJSON, value }
}

/**
 * The value of a particle. Blobs of every kind and HyperLogLogs come as copies of their bytes.
 *
 * @throws ProtocolError when the bytes do not fit the type, or the type is unknown.
 */
export function decodeParticle(type: number, value: Buffer): Value {
  switch (type) {
    case PARTICLE_TYPES.NULL:
      return null
    case PARTICLE_TYPES.INTEGER:
      return exactInteger(sized(type, value, 8).readBigInt64BE(0))
    case PARTICLE_TYPES.DOUBLE:
      return sized(type, value, 8).readDoubleBE(0)
    case PARTICLE_TYPES.BOOLEAN:
      return sized(type, value, 1)[0] !== 0
    case PARTICLE_TYPES.STRING:
      return value.toString('utf8')
    case PARTICLE_TYPES.GEOJSON:
      return new GeoJson(geoJsonText(value))
    case PARTICLE_TYPES.LIST:
    case PARTICLE_TYPES.MAP:
      return decodeMsgpack(value)
    case PARTICLE_TYPES.BLOB:
    case PARTICLE_TYPES.HLL:
    case PARTICLE_TYPES.VECTOR:
    case PARTICLE_TYPES.JAVA_BLOB:
    case PARTICLE_TYPES.CSHARP_BLOB:
    case PARTICLE_TYPES.PYTHON_BLOB:
    case PARTICLE_TYPES.RUBY_BLOB:
    case PARTICLE_TYPES.PHP_BLOB:
    case PARTICLE_TYPES.ERLANG_BLOB:
      return Uint8Array.from(value)
    default:
      throw new ProtocolError(`particle of the unknown type ${type}`)
  }
}

function sized(type: number, value: Buffer, bytes: number): Buffer {
  if (value.length !== bytes) throw new ProtocolError(`particle of type ${type} in ${value.length} bytes`)
  return value
}

/** The JSON text of a GeoJSON particle, behind its cells. @throws ProtocolError when it is cut off. */
export function geoJsonText(value: Buffer): string {
  const start =
    value.length < GEOJSON_HEADER_BYTES
      ? Number.POSITIVE_INFINITY
      : GEOJSON_HEADER_BYTES + GEOJSON_CELL_BYTES * value.readUInt16BE(1)
  if (start > value.length) throw new ProtocolError('GeoJSON particle is cut off')
  return value.toString('utf8', start)
}
