import { MAP_FLAGS } from './container-flags.ts'
import { MSGPACK_KINDS, MsgpackReader } from './msgpack-reader.ts'
import { PARTICLE_TYPES } from './particle-types.ts'

// The order of values (protocol 8.1), by which ordered lists, map keys, ranks and intervals go:
// nil < false < true < integers < strings < lists < maps < blobs < doubles < GeoJSON < infinity.

const RANKS = {
  NIL: 0,
  BOOLEAN: 1,
  INTEGER: 2,
  STRING: 3,
  LIST: 4,
  MAP: 5,
  BLOB: 6,
  DOUBLE: 7,
  GEOJSON: 8,
  EXTENSION: 9,
} as const

/** The type byte of the extensions that stand for a wildcard (payload 0) and for infinity (payload 1). */
export const MARKER_EXTENSION_TYPE = 0xff
const WILDCARD_PAYLOAD = 0

/** What a wildcard gives: it ends the whole comparison, whatever follows it, however deep it stands. */
const ENDED_BY_WILDCARD = Number.NaN

/** What a map without an order of its keys gives where such maps have no order. */
const ENDED_BY_UNORDERED_MAP = Number.POSITIVE_INFINITY

/**
 * Compares the elements that two readers stand before; both are left behind them only when equal.
 *
 * @param refusesUnordered whether a map with entries that are not ordered by key ends the comparison
 */
function compareNext(left: MsgpackReader, right: MsgpackReader, refusesUnordered: boolean): number {
  left.next()
  right.next()
  if (refusesUnordered && (isUnorderedMap(left) || isUnorderedMap(right))) return ENDED_BY_UNORDERED_MAP
  if (isWildcard(left) || isWildcard(right)) return ENDED_BY_WILDCARD
  const leftRank = rankOf(left)
  const rank = leftRank - rankOf(right)
  if (rank !== 0) return rank
  switch (leftRank) {
    case RANKS.NIL:
      return 0
    case RANKS.BOOLEAN:
      return left.kind - right.kind
    case RANKS.INTEGER:
      return compareNumbers(left.integer(), right.integer())
    case RANKS.DOUBLE:
      return compareNumbers(left.float(), right.float())
    case RANKS.LIST:
      return compareLists(left, right, refusesUnordered)
    case RANKS.MAP:
      return compareMaps(left, right, refusesUnordered)
    default:
      return Buffer.compare(left.payload(), right.payload())
  }
}

/**
 * Compares two elements by offset. Both must be well-formed and nested no deeper than MSGPACK_DEPTH_MAX.
 * Elements that agree up to a wildcard are equal: `[1, *]` equals `[1, 2, 3]`, not `[1]`.
 */
export function compareElements(
  left: Buffer,
  leftOffset: number,
  right: Buffer,
  rightOffset: number,
): number {
  const order = compareNext(new MsgpackReader(left, leftOffset), new MsgpackReader(right, rightOffset), false)
  return Number.isNaN(order) ? 0 : order
}

/**
 * As compareElements, but a map that has entries in no order of their keys, on either side, makes the order
 * `undefined` as soon as the comparison comes to it (protocol 9.4).
 */
export function compareOrderedElements(
  left: Buffer,
  leftOffset: number,
  right: Buffer,
  rightOffset: number,
): number | undefined {
  const order = compareNext(new MsgpackReader(left, leftOffset), new MsgpackReader(right, rightOffset), true)
  if (order === ENDED_BY_UNORDERED_MAP) return undefined
  return Number.isNaN(order) ? 0 : order
}

/** Whether a reader is on a map that has entries, but no metadata that says they are ordered by key. */
function isUnorderedMap({ kind, size, source, offset }: MsgpackReader): boolean {
  if (kind !== MSGPACK_KINDS.MAP || size === 0) return false
  const metadata = new MsgpackReader(source, offset)
  if (metadata.next() !== MSGPACK_KINDS.EXTENSION) return true
  return (metadata.extensionType & MAP_FLAGS.KEY_ORDERED) === 0
}

function isWildcard(reader: MsgpackReader): boolean {
  return (
    reader.kind === MSGPACK_KINDS.EXTENSION &&
    reader.extensionType === MARKER_EXTENSION_TYPE &&
    reader.size === 1 &&
    reader.source[reader.start] === WILDCARD_PAYLOAD
  )
}

function rankOf(reader: MsgpackReader): number {
  switch (reader.kind) {
    case MSGPACK_KINDS.NIL:
      return RANKS.NIL
    case MSGPACK_KINDS.FALSE:
    case MSGPACK_KINDS.TRUE:
      return RANKS.BOOLEAN
    case MSGPACK_KINDS.INTEGER:
      return RANKS.INTEGER
    case MSGPACK_KINDS.FLOAT32:
    case MSGPACK_KINDS.FLOAT64:
      return RANKS.DOUBLE
    case MSGPACK_KINDS.LIST:
      return RANKS.LIST
    case MSGPACK_KINDS.MAP:
      return RANKS.MAP
    case MSGPACK_KINDS.BYTES:
      return rankOfBytes(reader.size === 0 ? undefined : reader.source[reader.start])
    default:
      return RANKS.EXTENSION
  }
}

function rankOfBytes(particleType: number | undefined): number {
  if (particleType === PARTICLE_TYPES.STRING) return RANKS.STRING
  if (particleType === PARTICLE_TYPES.GEOJSON) return RANKS.GEOJSON
  return RANKS.BLOB
}

function compareNumbers<T extends number | bigint>(left: T, right: T): number {
  return left < right ? -1 : left > right ? 1 : 0
}

/** Elementwise, then the shorter first. */
function compareLists(left: MsgpackReader, right: MsgpackReader, refusesUnordered: boolean): number {
  const leftCount = enterList(left)
  const rightCount = enterList(right)
  for (let at = 0; at < Math.min(leftCount, rightCount); at++) {
    const order = compareNext(left, right, refusesUnordered)
    if (order !== 0) return order
  }
  return leftCount - rightCount
}

/** By size, then pair by pair. */
function compareMaps(left: MsgpackReader, right: MsgpackReader, refusesUnordered: boolean): number {
  const leftCount = enterMap(left)
  const rightCount = enterMap(right)
  if (leftCount !== rightCount) return leftCount - rightCount
  for (let at = 0; at < 2 * leftCount; at++) {
    const order = compareNext(left, right, refusesUnordered)
    if (order !== 0) return order
  }
  return 0
}

/** Number of elements without the metadata element, which is stepped over. */
function enterList(reader: MsgpackReader): number {
  const count = reader.size
  return skipMetadata(reader, count) ? count - 1 : count
}

function enterMap(reader: MsgpackReader): number {
  const count = reader.size
  if (!skipMetadata(reader, count)) return count
  reader.skip()
  return count - 1
}

function skipMetadata(reader: MsgpackReader, count: number): boolean {
  if (count === 0) return false
  const first = reader.source[reader.offset] ?? 0
  if (first !== 0xc7 && first !== 0xc8 && first !== 0xc9) return false
  reader.next()
  return true
}
