import {
  ByteWriter,
  compareElements,
  FRAME_BODY_BYTES_MAX,
  MSGPACK_KINDS,
  MsgpackReader,
  PARTICLE_TYPES,
  type Particle,
  RESULT_CODES,
  writeBoolean,
  writeDouble,
  writeInteger,
} from '../../../protocol/index.ts'
import { CommandError } from '../../command-error.ts'
import { GEOJSON_HEADER } from '../geojson.ts'

/** One msgpack element in the form a server stores (protocol 8.1). Its bytes never change. */
export type Element = Buffer

const ELEMENT_BYTES_MIN = 16
/** An element takes a byte at least, and records have room for so many: a list or map of more is refused. */
export const ELEMENTS_MAX = 1024 * 1024

/** Types that bytes may begin with; behind any other they answer as a blob, without that byte all the same. */
const BYTES_PARTICLES: ReadonlySet<number> = new Set([
  PARTICLE_TYPES.STRING,
  PARTICLE_TYPES.BLOB,
  PARTICLE_TYPES.JAVA_BLOB,
  PARTICLE_TYPES.CSHARP_BLOB,
  PARTICLE_TYPES.PYTHON_BLOB,
  PARTICLE_TYPES.RUBY_BLOB,
  PARTICLE_TYPES.PHP_BLOB,
  PARTICLE_TYPES.ERLANG_BLOB,
  PARTICLE_TYPES.HLL,
  PARTICLE_TYPES.GEOJSON,
])

function written(write: (writer: ByteWriter) => void): Element {
  const writer = new ByteWriter(ELEMENT_BYTES_MIN)
  write(writer)
  return writer.view()
}

export const NIL: Element = Buffer.from([0xc0])

export function integerElement(value: number | bigint): Element {
  return written(writer => writeInteger(writer, value))
}

export function doubleElement(value: number): Element {
  return written(writer => writeDouble(writer, value))
}

export function booleanElement(value: boolean): Element {
  return written(writer => writeBoolean(writer, value))
}

/** Negative, zero or positive, by the order of values (protocol 8.1). */
export function compare(left: Element, right: Element): number {
  return compareElements(left, 0, right, 0)
}

/**
 * The integer that an element is, which positions, counts and flags are. Beyond 53 bits it is rounded: such
 * positions are out of range anyway.
 *
 * @throws CommandError PARAMETER for any other element
 */
export function integerOf(element: Element): number {
  const reader = new MsgpackReader(element)
  if (reader.next() !== MSGPACK_KINDS.INTEGER) {
    throw new CommandError(RESULT_CODES.PARAMETER, 'argument that is no integer')
  }
  return Number(BigInt.asIntN(64, BigInt(reader.integer())))
}

/** Refuses what no record could hold before anything is made of it. @throws CommandError RECORD_TOO_BIG */
export function refuseTooMany(elements: number): void {
  if (elements > ELEMENTS_MAX) throw new CommandError(RESULT_CODES.RECORD_TOO_BIG, `${elements} elements`)
}

/** Refuses a list or map that no reply could carry before it is made. @throws CommandError RECORD_TOO_BIG */
export function refuseTooLarge(bytes: number): void {
  if (bytes > FRAME_BODY_BYTES_MAX) throw new CommandError(RESULT_CODES.RECORD_TOO_BIG, `${bytes} bytes`)
}

/** The elements that follow a reader, each as a view of its source. @throws CommandError RECORD_TOO_BIG */
export function takeElements(reader: MsgpackReader, count: number): Element[] {
  refuseTooMany(count)
  const elements: Element[] = []
  for (let at = 0; at < count; at++) {
    const start = reader.offset
    reader.skip()
    elements.push(reader.source.subarray(start, reader.offset))
  }
  return elements
}

/** An element as the value of an answer. @throws CommandError OP_NOT_APPLICABLE for an extension */
export function elementParticle(element: Element): Particle {
  const reader = new MsgpackReader(element)
  switch (reader.next()) {
    case MSGPACK_KINDS.NIL:
      return { type: PARTICLE_TYPES.NULL, value: Buffer.alloc(0) }
    case MSGPACK_KINDS.FALSE:
    case MSGPACK_KINDS.TRUE:
      return {
        type: PARTICLE_TYPES.BOOLEAN,
        value: Buffer.from([reader.kind === MSGPACK_KINDS.TRUE ? 1 : 0]),
      }
    case MSGPACK_KINDS.INTEGER: {
      const value = Buffer.allocUnsafe(8)
      value.writeBigInt64BE(BigInt.asIntN(64, BigInt(reader.integer())))
      return { type: PARTICLE_TYPES.INTEGER, value }
    }
    case MSGPACK_KINDS.FLOAT32:
    case MSGPACK_KINDS.FLOAT64: {
      const value = Buffer.allocUnsafe(8)
      value.writeDoubleBE(reader.float())
      return { type: PARTICLE_TYPES.DOUBLE, value }
    }
    case MSGPACK_KINDS.LIST:
      return { type: PARTICLE_TYPES.LIST, value: element }
    case MSGPACK_KINDS.MAP:
      return { type: PARTICLE_TYPES.MAP, value: element }
    case MSGPACK_KINDS.EXTENSION:
      throw new CommandError(RESULT_CODES.OP_NOT_APPLICABLE, 'extension as an answer')
    default:
      return bytesParticle(reader.payload())
  }
}

function bytesParticle(payload: Buffer): Particle {
  const first = payload[0]
  const type = first !== undefined && BYTES_PARTICLES.has(first) ? first : PARTICLE_TYPES.BLOB
  const value = payload.subarray(1)
  if (type === PARTICLE_TYPES.GEOJSON) return { type, value: Buffer.concat([GEOJSON_HEADER, value]) }
  return { type, value }
}
