import { InvalidArgumentError } from '../errors/index.ts'
import { ByteWriter } from './byte-writer.ts'
import { MAP_FLAGS } from './container-flags.ts'
import { compareElements } from './msgpack-order.ts'
import { MSGPACK_DEPTH_MAX, MSGPACK_KINDS, MsgpackReader } from './msgpack-reader.ts'
import {
  writeBoolean,
  writeDouble,
  writeInteger,
  writeListHeader,
  writeMapFlags,
  writeMapHeader,
  writeNil,
  writeTypedBytes,
} from './msgpack-writer.ts'
import { PARTICLE_TYPES } from './particle-types.ts'
import { ProtocolError } from './protocol-error.ts'
import { Double, exactInteger, GeoJson, type Value } from './value.ts'

/**
 * A value as one msgpack element of Aerospike's dialect (protocol 8.1).
 *
 * @throws InvalidArgumentError for integers outside 64 bits, map keys other than integer, string and bytes,
 *   duplicate keys, and nesting beyond 1,024 levels (which also stops values that contain themselves).
 */
export function encodeMsgpack(value: Value): Buffer {
  const writer = new ByteWriter()
  writeValue(writer, value, 0)
  return writer.view()
}

/** As encodeMsgpack, appending. */
export function writeValue(writer: ByteWriter, value: Value, depth = 0): void {
  if (value === null) writeNil(writer)
  else if (typeof value === 'boolean') writeBoolean(writer, value)
  else if (typeof value === 'number') writeNumber(writer, value)
  else if (typeof value === 'bigint') writeInteger(writer, within64Bits(value))
  else if (typeof value === 'string')
    writeTypedBytes(writer, PARTICLE_TYPES.STRING, Buffer.from(value, 'utf8'))
  else if (value instanceof Uint8Array) writeTypedBytes(writer, PARTICLE_TYPES.BLOB, value)
  else if (value instanceof Double) writeDouble(writer, value.value)
  else if (value instanceof GeoJson) {
    writeTypedBytes(writer, PARTICLE_TYPES.GEOJSON, Buffer.from(value.text, 'utf8'))
  } else if (depth >= MSGPACK_DEPTH_MAX) {
    throw new InvalidArgumentError('value', `nested at most ${MSGPACK_DEPTH_MAX} deep`, value)
  } else if (isMap(value)) writeMap(writer, value, depth)
  else {
    writeListHeader(writer, value.length)
    for (const element of value) writeValue(writer, element, depth + 1)
  }
}

function isMap(value: readonly Value[] | ReadonlyMap<Value, Value>): value is ReadonlyMap<Value, Value> {
  return value instanceof Map
}

function writeNumber(writer: ByteWriter, value: number): void {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) writeInteger(writer, value)
  else writeDouble(writer, value)
}

/** @throws InvalidArgumentError when the integer does not fit a signed 64-bit one. */
export function within64Bits(value: bigint): bigint {
  if (BigInt.asIntN(64, value) !== value) throw new InvalidArgumentError('value', 'a 64-bit integer', value)
  return value
}

/** Key-ordered, as the official clients write their native maps: pairs ascend by key. */
function writeMap(writer: ByteWriter, map: ReadonlyMap<Value, Value>, depth: number): void {
  const pairs = [...map].map(([key, value]) => ({ key: encodeKey(key), value }))
  pairs.sort((left, right) => {
    const order = compareElements(left.key, 0, right.key, 0)
    if (order === 0) throw new InvalidArgumentError('value', 'a map without duplicate keys', map)
    return order
  })
  writeMapHeader(writer, pairs.length + 1)
  writeMapFlags(writer, MAP_FLAGS.KEY_ORDERED)
  for (const { key, value } of pairs) {
    writer.bytes(key)
    writeValue(writer, value, depth + 1)
  }
}

function encodeKey(key: Value): Buffer {
  const isInteger = typeof key === 'bigint' || (typeof key === 'number' && Number.isSafeInteger(key))
  if (!isInteger && typeof key !== 'string' && !(key instanceof Uint8Array)) {
    throw new InvalidArgumentError('map key', 'an integer, a string or bytes', key)
  }
  return encodeMsgpack(key)
}

/**
 * The value of exactly one msgpack element. Order flags of lists and maps are not part of the value.
 *
 * @throws ProtocolError when the bytes are not one element, or nest deeper than 1,024 levels.
 */
export function decodeMsgpack(source: Buffer): Value {
  const reader = new MsgpackReader(source)
  const value = readValue(reader, 0)
  if (!reader.atEnd) throw new ProtocolError('bytes behind a msgpack value')
  return value
}

function readValue(reader: MsgpackReader, depth: number): Value {
  switch (reader.next()) {
    case MSGPACK_KINDS.NIL:
      return null
    case MSGPACK_KINDS.FALSE:
      return false
    case MSGPACK_KINDS.TRUE:
      return true
    case MSGPACK_KINDS.INTEGER:
      return exactInteger(reader.integer())
    case MSGPACK_KINDS.FLOAT32:
    case MSGPACK_KINDS.FLOAT64:
      return reader.float()
    case MSGPACK_KINDS.BYTES:
      return typedValue(reader.payload())
    case MSGPACK_KINDS.EXTENSION:
      throw new ProtocolError('msgpack extension where a value is expected')
  }
  if (depth >= MSGPACK_DEPTH_MAX)
    throw new ProtocolError(`msgpack nested more than ${MSGPACK_DEPTH_MAX} deep`)
  return reader.kind === MSGPACK_KINDS.LIST ? readList(reader, depth) : readMap(reader, depth)
}

function beginsWithFlags(reader: MsgpackReader): boolean {
  return reader.source[reader.offset] === 0xc7
}

function readList(reader: MsgpackReader, depth: number): Value[] {
  let count = reader.size
  if (count > 0 && beginsWithFlags(reader)) {
    reader.next()
    count--
  }
  const list: Value[] = []
  for (let at = 0; at < count; at++) list.push(readValue(reader, depth + 1))
  return list
}

function readMap(reader: MsgpackReader, depth: number): Map<Value, Value> {
  let count = reader.size
  if (count > 0 && beginsWithFlags(reader)) {
    reader.next()
    reader.skip()
    count--
  }
  const map = new Map<Value, Value>()
  for (let at = 0; at < count; at++) {
    const key = readValue(reader, depth + 1)
    map.set(key, readValue(reader, depth + 1))
  }
  return map
}

/** A string, GeoJSON or blob by its first byte; bytes without a known type come back whole. */
function typedValue(payload: Buffer): Value {
  switch (payload[0]) {
    case PARTICLE_TYPES.STRING:
      return payload.toString('utf8', 1)
    case PARTICLE_TYPES.GEOJSON:
      return new GeoJson(payload.toString('utf8', 1))
    case PARTICLE_TYPES.BLOB:
      return Uint8Array.from(payload.subarray(1))
    default:
      return Uint8Array.from(payload)
  }
}
