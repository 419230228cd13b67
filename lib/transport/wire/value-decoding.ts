import {
  geoJsonText,
  MSGPACK_DEPTH_MAX,
  MSGPACK_KINDS,
  MsgpackReader,
  OPERATION_HEADER_BYTES,
  PARTICLE_TYPES,
  ProtocolError,
} from '../../protocol/index.ts'
import type { Bins, BinValue } from '../transport.ts'
import { AnswerBudget } from './answer-budget.ts'
import { ShortTexts } from './short-texts.ts'

const INTEGER_BYTES = 8
/** The first byte of the element that ordered lists and maps begin with. */
const FLAGS_BYTE = 0xc7
/** Lists in lists may each say that they are long, and none has to be: beyond this they grow as elements come. */
const ELEMENTS_AT_ONCE_MAX = 256

const texts = new ShortTexts()

const NO_BYTES = Buffer.alloc(0)
/** Reads every list and map: a reader for each would take more memory than what most of them hold. */
const collections = new MsgpackReader(NO_BYTES)
/** Of the answer whose values are being decoded. */
let budget = new AnswerBudget()

/** Operations one after another. */
export interface OperationBytes {
  readonly bytes: Buffer
  readonly operationsStart: number
  readonly operationCount: number
}

/**
 * The bins of an answer, from operations whose sizes were checked. Blobs are views of the bytes given.
 *
 * @param own what they may take; by default what the answers to a batch may
 * @throws ProtocolError for values that do not fit their type, and for types that are unknown
 * @throws AnswerTooLargeError where they take more
 */
export function decodeBins(
  { bytes, operationsStart, operationCount }: OperationBytes,
  own = new AnswerBudget(),
): Bins {
  budget = own
  const bins: Record<string, BinValue> = {}
  let at = operationsStart
  for (let left = operationCount; left > 0; left--) {
    const end = at + 4 + uint32(bytes, at)
    budget.spend(1, end - at)
    const nameStart = at + OPERATION_HEADER_BYTES
    const valueStart = nameStart + (bytes[at + 7] ?? 0)
    const type = bytes[at + 5] ?? 0
    set(bins, texts.text(bytes, nameStart, valueStart), decodeParticle(type, bytes, valueStart, end))
    at = end
  }
  return bins
}

/** Whether values of this type are views of the bytes that they are decoded from, or may hold such. */
export function holdsViews(particleType: number): boolean {
  switch (particleType) {
    case PARTICLE_TYPES.NULL:
    case PARTICLE_TYPES.INTEGER:
    case PARTICLE_TYPES.DOUBLE:
    case PARTICLE_TYPES.STRING:
    case PARTICLE_TYPES.BOOLEAN:
      return false
    default:
      return true
  }
}

function decodeParticle(type: number, bytes: Buffer, start: number, end: number): BinValue {
  switch (type) {
    case PARTICLE_TYPES.NULL:
      return null
    case PARTICLE_TYPES.INTEGER:
      requireSize(type, end - start, INTEGER_BYTES)
      return int64(bytes, start)
    case PARTICLE_TYPES.DOUBLE:
      requireSize(type, end - start, INTEGER_BYTES)
      return bytes.readDoubleBE(start)
    case PARTICLE_TYPES.BOOLEAN:
      requireSize(type, end - start, 1)
      return bytes[start] !== 0
    case PARTICLE_TYPES.STRING:
      return texts.text(bytes, start, end)
    case PARTICLE_TYPES.GEOJSON:
      return geoJsonText(bytes.subarray(start, end))
    case PARTICLE_TYPES.LIST:
    case PARTICLE_TYPES.MAP:
      return decodeCollection(bytes, start, end)
    case PARTICLE_TYPES.BLOB:
    case PARTICLE_TYPES.HLL:
    case PARTICLE_TYPES.VECTOR:
    case PARTICLE_TYPES.JAVA_BLOB:
    case PARTICLE_TYPES.CSHARP_BLOB:
    case PARTICLE_TYPES.PYTHON_BLOB:
    case PARTICLE_TYPES.RUBY_BLOB:
    case PARTICLE_TYPES.PHP_BLOB:
    case PARTICLE_TYPES.ERLANG_BLOB:
      return viewOf(bytes, start, end)
    default:
      throw new ProtocolError(`particle of the unknown type ${type}`)
  }
}

function decodeCollection(bytes: Buffer, start: number, end: number): BinValue {
  collections.reset(bytes, start, end)
  try {
    const value = readElement(collections, 0)
    if (!collections.atEnd) throw new ProtocolError('bytes behind a list or map')
    return value
  } finally {
    // It must not keep the bytes of an answer in memory.
    collections.reset(NO_BYTES, 0, 0)
  }
}

function readElement(reader: MsgpackReader, depth: number): BinValue {
  switch (reader.next()) {
    case MSGPACK_KINDS.NIL:
      return null
    case MSGPACK_KINDS.FALSE:
      return false
    case MSGPACK_KINDS.TRUE:
      return true
    case MSGPACK_KINDS.INTEGER:
      return exact(reader.integer())
    case MSGPACK_KINDS.FLOAT32:
    case MSGPACK_KINDS.FLOAT64:
      return reader.float()
    case MSGPACK_KINDS.BYTES:
      return typedBytes(reader)
    case MSGPACK_KINDS.LIST:
      return readList(reader, depth)
    case MSGPACK_KINDS.MAP:
      return readMap(reader, depth)
    default:
      throw new ProtocolError('msgpack extension where a value is expected')
  }
}

/** Strings and blobs begin with their particle type (protocol 8.1); without one they are bytes. */
function typedBytes({ source, start, size }: MsgpackReader): BinValue {
  const end = start + size
  switch (size === 0 ? 0 : source[start]) {
    case PARTICLE_TYPES.STRING:
      return texts.text(source, start + 1, end)
    case PARTICLE_TYPES.BLOB:
      return viewOf(source, start + 1, end)
    case PARTICLE_TYPES.GEOJSON:
      return source.toString('utf8', start + 1, end)
    default:
      return viewOf(source, start, end)
  }
}

function readList(reader: MsgpackReader, depth: number): BinValue {
  refuseDepth(depth)
  let count = reader.size
  if (count > 0 && reader.source[reader.offset] === FLAGS_BYTE) {
    reader.next()
    count--
  }
  if (count === 0) return []
  budget.spend(count, 0)
  const list = new Array<BinValue>(Math.min(count, ELEMENTS_AT_ONCE_MAX))
  for (let at = 0; at < count; at++) list[at] = readElement(reader, depth + 1)
  return list
}

/** As a plain object, as the npm client hands maps over: integer keys become property names. */
function readMap(reader: MsgpackReader, depth: number): BinValue {
  refuseDepth(depth)
  let count = reader.size
  if (count > 0 && reader.source[reader.offset] === FLAGS_BYTE) {
    reader.next()
    reader.skip()
    count--
  }
  budget.spend(2 * count, 0)
  const map: Record<string, BinValue> = {}
  for (let at = 0; at < count; at++) {
    const key = nameOf(readElement(reader, depth + 1))
    set(map, key, readElement(reader, depth + 1))
  }
  return map
}

/** Blobs and lists have names several times as long as they are. */
function nameOf(key: BinValue): string {
  if (typeof key === 'string') return key
  const name = String(key)
  budget.spend(0, name.length)
  return name
}

/** A plain array: a Buffer takes longer to make, and there are several in each record. */
function viewOf({ buffer, byteOffset }: Buffer, start: number, end: number): Uint8Array {
  return new Uint8Array(buffer, byteOffset + start, end - start)
}

/** `__proto__` is a name like any other, not the object's prototype. */
function set(target: Record<string, BinValue>, name: string, value: BinValue): void {
  if (name === '__proto__')
    Object.defineProperty(target, name, { value, enumerable: true, writable: true, configurable: true })
  else target[name] = value
}

function refuseDepth(depth: number): void {
  if (depth >= MSGPACK_DEPTH_MAX)
    throw new ProtocolError(`msgpack nested more than ${MSGPACK_DEPTH_MAX} deep`)
}

function requireSize(type: number, size: number, expected: number): void {
  if (size !== expected) throw new ProtocolError(`particle of type ${type} in ${size} bytes`)
}

export function uint32(bytes: Buffer, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) |
      ((bytes[at + 1] ?? 0) << 16) |
      ((bytes[at + 2] ?? 0) << 8) |
      (bytes[at + 3] ?? 0)) >>>
    0
  )
}

/** A number where it is exact, otherwise a bigint. */
function int64(bytes: Buffer, at: number): number | bigint {
  const value = (uint32(bytes, at) | 0) * 2 ** 32 + uint32(bytes, at + 4)
  return Number.isSafeInteger(value) ? value : bytes.readBigInt64BE(at)
}

function exact(value: number | bigint): number | bigint {
  if (typeof value === 'number') return value
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
