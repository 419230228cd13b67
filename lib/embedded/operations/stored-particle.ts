import {
  MSGPACK_KINDS,
  normaliseContainer,
  PARTICLE_TYPES,
  ProtocolError,
  RESULT_CODES,
} from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import { checkedGeoJson } from './geojson.ts'
import { isPlainList } from './plain-list.ts'

const INTEGER_BYTES = 8
const DOUBLE_BYTES = 8
/** The largest that records can be configured to be: a larger list or map is not even looked at. */
const COLLECTION_BYTES_MAX = 8 * 1024 * 1024
/** flags u8 · index bits u8 · min-hash bits u8 · cached count u64, then the registers */
const HLL_HEADER_BYTES = 11

/** Checks a value that is to be stored and gives it the form it is stored in. */
type Normalise = (value: Buffer) => Buffer

const asIs: Normalise = value => value

const NORMALISE: ReadonlyMap<number, Normalise> = new Map<number, Normalise>([
  [PARTICLE_TYPES.INTEGER, normaliseInteger],
  [PARTICLE_TYPES.DOUBLE, value => parameterUnless(value.length === DOUBLE_BYTES, value)],
  [PARTICLE_TYPES.STRING, asIs],
  [PARTICLE_TYPES.BLOB, asIs],
  [PARTICLE_TYPES.JAVA_BLOB, asIs],
  [PARTICLE_TYPES.CSHARP_BLOB, asIs],
  [PARTICLE_TYPES.PYTHON_BLOB, asIs],
  [PARTICLE_TYPES.RUBY_BLOB, asIs],
  [PARTICLE_TYPES.PHP_BLOB, asIs],
  [PARTICLE_TYPES.ERLANG_BLOB, asIs],
  [PARTICLE_TYPES.VECTOR, asIs],
  [PARTICLE_TYPES.BOOLEAN, value => parameterUnless(value.length === 1 && (value[0] ?? 2) < 2, value)],
  [PARTICLE_TYPES.HLL, value => parameterUnless(value.length > HLL_HEADER_BYTES, value)],
  [PARTICLE_TYPES.MAP, value => normaliseCollection(value, MSGPACK_KINDS.MAP)],
  [PARTICLE_TYPES.LIST, value => normaliseCollection(value, MSGPACK_KINDS.LIST)],
  [PARTICLE_TYPES.GEOJSON, checkedGeoJson],
])

/**
 * The form in which a value is stored (protocol 3.4).
 *
 * @throws CommandError PARAMETER for an unknown type or a wrong width, UNKNOWN for a list or map that is not
 *   well-formed, RECORD_TOO_BIG for a huge one, GEO_INVALID_GEOJSON
 */
export function storedParticle(type: number, value: Buffer): Buffer {
  const normalise = NORMALISE.get(type)
  if (normalise === undefined) throw new CommandError(RESULT_CODES.PARAMETER, `particle type ${type}`)
  return normalise(value)
}

function parameterUnless(condition: boolean, value: Buffer): Buffer {
  if (!condition) throw new CommandError(RESULT_CODES.PARAMETER)
  return value
}

/** Narrower integers are extended with zeros, not with their sign (protocol 3.4). */
function normaliseInteger(value: Buffer): Buffer {
  switch (value.length) {
    case INTEGER_BYTES:
      return value
    case 1:
    case 2:
    case 4: {
      const wide = Buffer.alloc(INTEGER_BYTES)
      wide.set(value, INTEGER_BYTES - value.length)
      return wide
    }
    default:
      throw new CommandError(RESULT_CODES.PARAMETER, `integer of ${value.length} bytes`)
  }
}

function normaliseCollection(value: Buffer, kind: number): Buffer {
  if (value.length > COLLECTION_BYTES_MAX) throw new CommandError(RESULT_CODES.RECORD_TOO_BIG)
  if (kind === MSGPACK_KINDS.LIST && isPlainList(value, 0, value.length)) return value
  try {
    return normaliseContainer(value, kind)
  } catch (error) {
    if (error instanceof ProtocolError) throw new CommandError(RESULT_CODES.UNKNOWN, error.message)
    throw error
  }
}
