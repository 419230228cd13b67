import {
  ByteWriter,
  LIST_FLAGS,
  MAP_FLAGS,
  MSGPACK_KINDS,
  MsgpackReader,
  writeListFlags,
  writeListHeader,
  writeMapFlags,
  writeMapHeader,
} from '../../../protocol/index.ts'
import { compare, type Element, refuseTooLarge, refuseTooMany, takeElements } from './element.ts'

export interface ListContainer {
  readonly kind: 'list'
  readonly isOrdered: boolean
  readonly elements: readonly Element[]
}

export interface MapEntry {
  readonly key: Element
  readonly value: Element
}

/**
 * A map, sorted by key whatever its order (protocol 8.1). One that claims an order that it lacks, which expressions
 * can write, is taken at its word, as on a real server.
 */
export interface MapContainer {
  readonly kind: 'map'
  /** MAP_FLAGS of its order; 0 for an unordered one. */
  readonly order: number
  readonly entries: readonly MapEntry[]
}

export type Container = ListContainer | MapContainer

/** First bytes of an extension with a length: only metadata begins a container with one. */
const METADATA_BYTE_MIN = 0xc7
const METADATA_BYTE_MAX = 0xc9
/** What a change leaves of the flags of a map. */
const KEPT_MAP_FLAGS = MAP_FLAGS.KEY_VALUE_ORDERED | MAP_FLAGS.PRESERVE_ORDER
/** Bytes of headers and metadata around the elements of a container, at most. */
const CONTAINER_OVERHEAD_BYTES = 16

export const EMPTY_LIST: ListContainer = { kind: 'list', isOrdered: false, elements: [] }
export const EMPTY_ORDERED_LIST: ListContainer = { kind: 'list', isOrdered: true, elements: [] }

export function emptyMap(order: number): MapContainer {
  return { kind: 'map', order, entries: [] }
}

/** The list or map that an element is, or `undefined`. @throws CommandError RECORD_TOO_BIG */
export function decodeContainer(element: Element): Container | undefined {
  const reader = new MsgpackReader(element)
  switch (reader.next()) {
    case MSGPACK_KINDS.LIST:
      return decodeList(reader)
    case MSGPACK_KINDS.MAP:
      return decodeMap(reader)
    default:
      return undefined
  }
}

function decodeList(reader: MsgpackReader): ListContainer {
  const { size } = reader
  const flags = takeFlags(reader, size)
  const elements = takeElements(reader, flags === undefined ? size : size - 1)
  return { kind: 'list', isOrdered: ((flags ?? 0) & LIST_FLAGS.ORDERED) !== 0, elements }
}

function decodeMap(reader: MsgpackReader): MapContainer {
  const { size } = reader
  const flags = takeFlags(reader, size)
  if (flags !== undefined) reader.skip()
  const count = flags === undefined ? size : size - 1
  refuseTooMany(count)
  const entries: MapEntry[] = []
  for (let at = 0; at < count; at++) {
    const keyStart = reader.offset
    reader.skip()
    const valueStart = reader.offset
    reader.skip()
    entries.push({
      key: reader.source.subarray(keyStart, valueStart),
      value: reader.source.subarray(valueStart, reader.offset),
    })
  }
  const order = (flags ?? 0) & KEPT_MAP_FLAGS
  return { kind: 'map', order, entries: order === 0 ? sortedByKey(entries) : entries }
}

/** Expressions store unordered maps as they come. */
function sortedByKey(entries: MapEntry[]): MapEntry[] {
  let previous: Element | undefined
  for (const { key } of entries) {
    if (previous !== undefined && compare(previous, key) > 0) {
      return entries.sort((left, right) => compare(left.key, right.key))
    }
    previous = key
  }
  return entries
}

function takeFlags(reader: MsgpackReader, size: number): number | undefined {
  const first = size === 0 ? 0 : (reader.source[reader.offset] ?? 0)
  if (first < METADATA_BYTE_MIN || first > METADATA_BYTE_MAX) return undefined
  reader.next()
  return reader.extensionType
}

export function encodeContainer(container: Container): Element {
  return container.kind === 'list'
    ? listElement(container.elements, container.isOrdered)
    : mapElement(container.entries, container.order)
}

/** @throws CommandError RECORD_TOO_BIG for more than a frame can carry: elements may be given more than once */
export function listElement(elements: readonly Element[], isOrdered = false): Element {
  const bytes = elements.reduce((sum, { length }) => sum + length, CONTAINER_OVERHEAD_BYTES)
  refuseTooLarge(bytes)
  const writer = new ByteWriter(bytes)
  writeListHeader(writer, elements.length + (isOrdered ? 1 : 0))
  if (isOrdered) writeListFlags(writer, LIST_FLAGS.ORDERED)
  for (const element of elements) writer.bytes(element)
  return writer.view()
}

/** As listElement. @param flags MAP_FLAGS of the metadata pair; none is written for 0 */
export function mapElement(entries: readonly MapEntry[], flags: number): Element {
  const bytes = entries.reduce(
    (sum, { key, value }) => sum + key.length + value.length,
    CONTAINER_OVERHEAD_BYTES,
  )
  refuseTooLarge(bytes)
  const writer = new ByteWriter(bytes)
  writeMapHeader(writer, entries.length + (flags === 0 ? 0 : 1))
  if (flags !== 0) writeMapFlags(writer, flags)
  for (const { key, value } of entries) writer.bytes(key).bytes(value)
  return writer.view()
}

/** The first position in ascending elements whose element is not below the bound. */
export function lowerBound(size: number, elementAt: (position: number) => Element, bound: Element): number {
  let low = 0
  let high = size
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compare(elementAt(middle), bound) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** A copy of ascending elements with one more, behind its equals. */
export function withInserted(elements: readonly Element[], element: Element): Element[] {
  let at = elements.length
  for (let low = 0, high = at; low < high; ) {
    const middle = (low + high) >>> 1
    if (compare(elements[middle] ?? element, element) <= 0) low = middle + 1
    else high = middle
    at = low
  }
  return elements.toSpliced(at, 0, element)
}

/** Where a key is, or would be. */
export function findKey(map: MapContainer, key: Element): { readonly at: number; readonly isThere: boolean } {
  const { entries } = map
  const at = lowerBound(entries.length, position => entries[position]?.key ?? key, key)
  const found = entries[at]
  return { at, isThere: found !== undefined && compare(found.key, key) === 0 }
}

/** A map with entries set, each in the place of its key. @param added ascending by key */
export function withEntries(map: MapContainer, added: readonly MapEntry[]): MapContainer {
  const entries: MapEntry[] = []
  let from = 0
  for (const entry of added) {
    const { at, isThere } = findKey(map, entry.key)
    while (from < at) pushDefined(entries, map.entries[from++])
    entries.push(entry)
    if (isThere) from = at + 1
  }
  while (from < map.entries.length) pushDefined(entries, map.entries[from++])
  return { ...map, entries }
}

function pushDefined(entries: MapEntry[], entry: MapEntry | undefined): void {
  if (entry !== undefined) entries.push(entry)
}
