import { InvalidArgumentError } from '../../errors/index.ts'
import {
  type ByteWriter,
  MAP_FLAGS,
  MSGPACK_DEPTH_MAX,
  OPERATION_HEADER_BYTES,
  PARTICLE_TYPES,
  writeBoolean,
  writeBytesHeader,
  writeInteger,
  writeListHeader,
  writeMapFlags,
  writeMapHeader,
  writeNil,
} from '../../protocol/index.ts'
import type { BinValue } from '../transport.ts'

const OPERATION_SIZE_BASE = 4
const INTEGER_BYTES = 8
const NAME_BYTES_MAX = 255

type MapValue = ReadonlyMap<string | number | bigint, BinValue> | { readonly [key: string]: BinValue }

/**
 * Begins an operation whose value the caller appends; `endOperation` sets its size (protocol 3.3).
 *
 * @returns where it begins
 */
export function beginOperation(writer: ByteWriter, code: number, particleType: number, bin: string): number {
  const at = writer.reserve(OPERATION_HEADER_BYTES + bin.length)
  const { buffer } = writer
  buffer[at + 4] = code
  buffer[at + 5] = particleType
  buffer[at + 6] = 0
  buffer[at + 7] = bin.length
  let to = at + OPERATION_HEADER_BYTES
  for (let place = 0; place < bin.length; place++) {
    const character = bin.charCodeAt(place)
    if (character > 0x7f) throw new InvalidArgumentError('bin', 'a name of ASCII characters', bin)
    // A call into native code would cost more than the loop: names are short.
    buffer[to++] = character
  }
  if (bin.length > NAME_BYTES_MAX) throw new InvalidArgumentError('bin', 'a name of 15 characters', bin)
  return at
}

export function endOperation(writer: ByteWriter, start: number): void {
  setUint32(writer.buffer, start, writer.length - start - OPERATION_SIZE_BASE)
}

/** A whole operation that carries a bin's value as its particle. */
export function writeBinOperation(writer: ByteWriter, code: number, bin: string, value: BinValue): void {
  const type = particleType(value)
  const start = beginOperation(writer, code, type, bin)
  writeParticle(writer, type, value)
  endOperation(writer, start)
}

// `typeof` is compared in place, type by type: V8 compiles that in, and a `switch` over it into a call.

function particleType(value: BinValue): number {
  if (typeof value === 'object') {
    if (value === null) return PARTICLE_TYPES.NULL
    if (value instanceof Uint8Array) return PARTICLE_TYPES.BLOB
    return Array.isArray(value) ? PARTICLE_TYPES.LIST : PARTICLE_TYPES.MAP
  }
  if (typeof value === 'number' || typeof value === 'bigint') return PARTICLE_TYPES.INTEGER
  if (typeof value === 'boolean') return PARTICLE_TYPES.BOOLEAN
  if (typeof value === 'string') return PARTICLE_TYPES.STRING
  throw unknownValue(value)
}

function writeParticle(writer: ByteWriter, type: number, value: BinValue): void {
  switch (type) {
    case PARTICLE_TYPES.INTEGER:
      writeInt64(writer, value as number | bigint)
      return
    case PARTICLE_TYPES.BOOLEAN:
      writer.uint8(value === true ? 1 : 0)
      return
    case PARTICLE_TYPES.STRING:
      writeText(writer, value as string)
      return
    case PARTICLE_TYPES.BLOB:
      writer.bytes(value as Uint8Array)
      return
    case PARTICLE_TYPES.LIST:
    case PARTICLE_TYPES.MAP:
      writeElement(writer, value)
  }
}

/** A value as an element of msgpack (protocol 8.1): strings and blobs with their type before them. */
export function writeElement(writer: ByteWriter, value: BinValue, depth = 0): void {
  if (typeof value === 'object') writeObject(writer, value, depth)
  else if (typeof value === 'number') writeInteger(writer, safe(value))
  else if (typeof value === 'string') writeTypedText(writer, value)
  else if (typeof value === 'boolean') writeBoolean(writer, value)
  else if (typeof value === 'bigint') writeInteger(writer, within64Bits(value))
  else throw unknownValue(value)
}

function writeObject(writer: ByteWriter, value: BinValue & (object | null), depth: number): void {
  if (value === null) writeNil(writer)
  else if (value instanceof Uint8Array) writeTypedBlob(writer, value)
  else if (depth >= MSGPACK_DEPTH_MAX)
    throw new InvalidArgumentError('bin value', `nested at most ${MSGPACK_DEPTH_MAX} deep`, value)
  else if (Array.isArray(value)) {
    writeListHeader(writer, value.length)
    for (const element of value as readonly BinValue[]) writeElement(writer, element, depth + 1)
  } else writeMap(writer, value as MapValue, depth)
}

export function writeTypedBlob(writer: ByteWriter, blob: Uint8Array): void {
  writeBytesHeader(writer, blob.length + 1)
  const at = writer.reserve(blob.length + 1)
  writer.buffer[at] = PARTICLE_TYPES.BLOB
  writer.buffer.set(blob, at + 1)
}

export function writeTypedText(writer: ByteWriter, text: string): void {
  writeBytesHeader(writer, Buffer.byteLength(text) + 1)
  writer.uint8(PARTICLE_TYPES.STRING)
  writeText(writer, text)
}

/** Key-ordered, as the official clients write their native maps: integers before texts, each ascending. */
function writeMap(writer: ByteWriter, map: MapValue, depth: number): void {
  const entries: [string | number | bigint, BinValue][] =
    map instanceof Map ? [...map] : Object.entries(map as { readonly [key: string]: BinValue })
  if (entries.length > 1) entries.sort(([left], [right]) => compareKeys(left, right))
  writeMapHeader(writer, entries.length + 1)
  writeMapFlags(writer, MAP_FLAGS.KEY_ORDERED)
  for (const [key, value] of entries) {
    writeMapKey(writer, key)
    writeElement(writer, value, depth + 1)
  }
}

/** The key of a map operation, or of an entry. */
export function writeMapKey(writer: ByteWriter, key: string | number | bigint): void {
  if (typeof key !== 'string' && typeof key !== 'number' && typeof key !== 'bigint')
    throw new InvalidArgumentError('map key', 'an integer or a string', key)
  writeElement(writer, key)
}

function compareKeys(left: string | number | bigint, right: string | number | bigint): number {
  if (typeof left === 'string' && typeof right === 'string') return compareTexts(left, right)
  if (typeof left === 'string') return 1
  if (typeof right === 'string') return -1
  return left < right ? -1 : left > right ? 1 : 0
}

/** By their UTF-8 bytes, which for surrogate pairs is another order than JavaScript's own. */
function compareTexts(left: string, right: string): number {
  if (left === right) return 0
  return ASCII.test(left) && ASCII.test(right)
    ? left < right
      ? -1
      : 1
    : Buffer.compare(Buffer.from(left), Buffer.from(right))
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is all of ASCII.
const ASCII = /^[\x00-\x7f]*$/

function writeText(writer: ByteWriter, text: string): void {
  const at = writer.reserve(Buffer.byteLength(text))
  writer.buffer.write(text, at)
}

/** @throws InvalidArgumentError for a number that is no safe integer, or a bigint beyond 64 bits */
export function writeInt64(writer: ByteWriter, value: number | bigint): void {
  const at = writer.reserve(INTEGER_BYTES)
  setInt64(writer.buffer, at, value)
}

/** As writeInt64, into bytes that are there. */
export function setInt64(target: Uint8Array, at: number, value: number | bigint): void {
  if (typeof value === 'bigint') {
    const bits = BigInt.asUintN(64, within64Bits(value))
    setUint32(target, at, Number(bits >> 32n))
    setUint32(target, at + 4, Number(bits & 0xffff_ffffn))
    return
  }
  const low = safe(value) >>> 0
  setUint32(target, at, Math.floor((value - low) / 2 ** 32))
  setUint32(target, at + 4, low)
}

export function setUint32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24
  target[at + 1] = value >>> 16
  target[at + 2] = value >>> 8
  target[at + 3] = value
}

function safe(value: number): number {
  // A fraction would be stored as a double, which no bin of this store is.
  if (!Number.isSafeInteger(value))
    throw new InvalidArgumentError('bin value', 'a safe integer or a bigint', value)
  return value
}

function within64Bits(value: bigint): bigint {
  if (BigInt.asIntN(64, value) !== value)
    throw new InvalidArgumentError('bin value', 'an integer of 64 bits', value)
  return value
}

function unknownValue(value: unknown): InvalidArgumentError {
  return new InvalidArgumentError('bin value', 'a value that Aerospike can hold', value)
}
