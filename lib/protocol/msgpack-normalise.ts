import { ByteWriter } from './byte-writer.ts'
import { LIST_FLAGS, MAP_FLAGS } from './container-flags.ts'
import { compareElements, MARKER_EXTENSION_TYPE } from './msgpack-order.ts'
import { MSGPACK_DEPTH_MAX, MSGPACK_KINDS, MsgpackReader } from './msgpack-reader.ts'
import {
  writeBytesHeader,
  writeInteger,
  writeListFlags,
  writeListHeader,
  writeMapFlags,
  writeMapHeader,
} from './msgpack-writer.ts'
import { PARTICLE_TYPES } from './particle-types.ts'
import { ProtocolError } from './protocol-error.ts'

const MAP_KEY_PARTICLES: ReadonlySet<number | undefined> = new Set([
  PARTICLE_TYPES.STRING,
  PARTICLE_TYPES.BLOB,
])

/** Where a pair of a map was written. */
interface Pair {
  readonly keyStart: number
  readonly end: number
}

/**
 * Checks a list or map particle and rewrites it in the form a server stores (protocol 8.1): integers and
 * lengths in their shortest form, blobs of the bin family as str, maps sorted by key whatever their flag says.
 *
 * @param kind MSGPACK_KINDS.LIST or MSGPACK_KINDS.MAP: what the outer value has to be
 * @throws ProtocolError when the bytes are no such value, go on behind it, nest too deep, hold a map with
 *   duplicate keys or keys that are neither integer, string nor blob, or claim an order that they lack.
 */
export function normaliseContainer(value: Buffer, kind: number): Buffer {
  const reader = new MsgpackReader(value)
  const writer = new ByteWriter(value.length + 16)
  if (normaliseElement(reader, writer, 0, false) !== kind)
    throw new ProtocolError('msgpack of another outer type')
  if (!reader.atEnd) throw new ProtocolError('bytes behind a msgpack value')
  return writer.view()
}

/**
 * Checks the one element that begins at an offset, and gives its normal form (see normaliseContainer).
 *
 * @param markers whether wildcard and infinity may appear in it: in values to compare with, not in stored ones
 * @throws ProtocolError as normaliseContainer, but for bytes behind the element: they are not looked at
 */
export function normaliseValue(source: Buffer, offset: number, markers: boolean): Buffer {
  const writer = new ByteWriter(16)
  normaliseElement(new MsgpackReader(source, offset), writer, 0, markers)
  return writer.view()
}

/** Copies the next element in its normal form; returns its kind. */
function normaliseElement(
  reader: MsgpackReader,
  writer: ByteWriter,
  depth: number,
  markers: boolean,
): number {
  const kind = reader.next()
  switch (kind) {
    case MSGPACK_KINDS.INTEGER:
      writeInteger(writer, reader.integer())
      break
    case MSGPACK_KINDS.BYTES:
      writeBytesHeader(writer, reader.size)
      writer.bytes(reader.payload())
      break
    case MSGPACK_KINDS.LIST:
      normaliseList(reader, writer, depth, markers)
      break
    case MSGPACK_KINDS.MAP:
      normaliseMap(reader, writer, depth, markers)
      break
    case MSGPACK_KINDS.NIL:
    case MSGPACK_KINDS.FALSE:
    case MSGPACK_KINDS.TRUE:
      writer.uint8(reader.source[reader.elementStart] ?? 0)
      break
    default:
      if (!markers && kind === MSGPACK_KINDS.EXTENSION && reader.extensionType === MARKER_EXTENSION_TYPE) {
        throw new ProtocolError('wildcard or infinity as a stored value')
      }
      writer.bytes(reader.source.subarray(reader.elementStart, reader.offset))
  }
  return kind
}

/** The flags of the metadata element, stepped over; undefined when the container does not begin with one. */
function takeFlags(reader: MsgpackReader, count: number): number | undefined {
  if (count === 0) return undefined
  const first = reader.source[reader.offset] ?? 0
  if (first < 0xc7 || first > 0xc9) return undefined
  reader.next()
  return reader.extensionType
}

function refuseDepth(depth: number): void {
  if (depth >= MSGPACK_DEPTH_MAX)
    throw new ProtocolError(`msgpack nested more than ${MSGPACK_DEPTH_MAX} deep`)
}

function normaliseList(reader: MsgpackReader, writer: ByteWriter, depth: number, markers: boolean): void {
  refuseDepth(depth)
  const sent = reader.size
  const flags = takeFlags(reader, sent)
  const count = flags === undefined ? sent : sent - 1
  const ordered = ((flags ?? 0) & LIST_FLAGS.ORDERED) !== 0
  writeListHeader(writer, ordered ? count + 1 : count)
  if (ordered) writeListFlags(writer, LIST_FLAGS.ORDERED)
  let previous = -1
  for (let at = 0; at < count; at++) {
    const start = writer.length
    normaliseElement(reader, writer, depth + 1, markers)
    if (ordered && previous >= 0) {
      const written = writer.view()
      if (compareElements(written, previous, written, start) > 0) {
        throw new ProtocolError('ordered list out of order')
      }
    }
    previous = start
  }
}

function normaliseMap(reader: MsgpackReader, writer: ByteWriter, depth: number, markers: boolean): void {
  refuseDepth(depth)
  const sent = reader.size
  const flags = takeFlags(reader, sent)
  if (flags !== undefined) reader.skip()
  const count = flags === undefined ? sent : sent - 1
  const order = (flags ?? 0) & MAP_FLAGS.KEY_VALUE_ORDERED
  writeMapHeader(writer, order === 0 ? count : count + 1)
  if (order !== 0) writeMapFlags(writer, order)
  const pairsStart = writer.length
  const pairs: Pair[] = []
  for (let at = 0; at < count; at++) {
    const keyStart = writer.length
    refuseKey(reader, normaliseElement(reader, writer, depth + 1, markers))
    normaliseElement(reader, writer, depth + 1, markers)
    pairs.push({ keyStart, end: writer.length })
  }
  sortPairs(writer, pairsStart, pairs, order !== 0)
}

function refuseKey(reader: MsgpackReader, kind: number): void {
  if (kind === MSGPACK_KINDS.INTEGER) return
  const typed = kind === MSGPACK_KINDS.BYTES && reader.size > 0
  if (!typed || !MAP_KEY_PARTICLES.has(reader.source[reader.start])) {
    throw new ProtocolError('map key that is no integer, string or blob')
  }
}

/** Puts pairs that were written in any order into the order of their keys. */
function sortPairs(writer: ByteWriter, pairsStart: number, pairs: Pair[], claimsOrder: boolean): void {
  const written = writer.view()
  const compare = (left: Pair, right: Pair): number => {
    const order = compareElements(written, left.keyStart, written, right.keyStart)
    if (order === 0) throw new ProtocolError('map with a key twice')
    return order
  }
  if (isAscending(pairs, compare)) return
  if (claimsOrder) throw new ProtocolError('ordered map out of order')
  const unsorted = Buffer.from(written.subarray(pairsStart))
  pairs.sort(compare)
  writer.truncate(pairsStart)
  for (const { keyStart, end } of pairs) {
    writer.bytes(unsorted.subarray(keyStart - pairsStart, end - pairsStart))
  }
}

function isAscending(pairs: readonly Pair[], compare: (left: Pair, right: Pair) => number): boolean {
  let previous: Pair | undefined
  for (const pair of pairs) {
    if (previous !== undefined && compare(previous, pair) > 0) return false
    previous = pair
  }
  return true
}
