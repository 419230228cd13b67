import {
  MAP_FLAGS,
  MSGPACK_KINDS,
  MsgpackReader,
  PARTICLE_TYPES,
  RESULT_CODES,
} from '../../../protocol/index.ts'
import { CommandError } from '../../command-error.ts'
import { type Change, type ModifyOperation, sizeAnswer, unchanged } from './collection-operation.ts'
import type { Arguments } from './collection-request.ts'
import { emptyMap, findKey, type MapContainer, type MapEntry, withEntries } from './container.ts'
import type { Element } from './element.ts'
import { step } from './list-writes.ts'
import { incremented } from './number.ts'
import { checkedOrder, has, lenientOrder, MAP_WRITE_FLAGS } from './write-flags.ts'

/** An empty map with the order of the argument at a position. */
const createdBy =
  (orderArgument: number) =>
  (args: Arguments): MapContainer =>
    emptyMap(lenientOrder(args.integerOr(orderArgument, 0), MAP_FLAGS.KEY_VALUE_ORDERED))

function notThere(): never {
  throw new CommandError(RESULT_CODES.ELEMENT_NOT_FOUND)
}

/** @throws CommandError PARAMETER for a key that is no integer, string or blob (protocol 8.1) */
function keyOf(args: Arguments): Element {
  const key = args.value(0)
  const reader = new MsgpackReader(key)
  const kind = reader.next()
  const type = reader.size === 0 ? undefined : key[reader.start]
  const isTyped = type === PARTICLE_TYPES.STRING || type === PARTICLE_TYPES.BLOB
  if (kind === MSGPACK_KINDS.INTEGER || (kind === MSGPACK_KINDS.BYTES && isTyped)) return key
  throw new CommandError(RESULT_CODES.PARAMETER, 'map key that is no integer, string or blob')
}

/** The result code that flags give to a write of a key. */
function refusal(isThere: boolean, flags: number): number {
  if (isThere && has(flags, MAP_WRITE_FLAGS.CREATE_ONLY)) return RESULT_CODES.ELEMENT_EXISTS
  if (!isThere && has(flags, MAP_WRITE_FLAGS.UPDATE_ONLY)) return RESULT_CODES.ELEMENT_NOT_FOUND
  return RESULT_CODES.OK
}

/** Flags of several items that an empty map passes over: a server puts all of them there. */
const EMPTY_TAKES_ALL = MAP_WRITE_FLAGS.UPDATE_ONLY | MAP_WRITE_FLAGS.NO_FAIL | MAP_WRITE_FLAGS.PARTIAL

function putItems(map: MapContainer, items: readonly MapEntry[], flags: number): Change<MapContainer> {
  const accepted: MapEntry[] = []
  for (const item of items) {
    const resultCode = refusal(findKey(map, item.key).isThere, flags)
    if (resultCode === RESULT_CODES.OK) accepted.push(item)
    else if (!has(flags, MAP_WRITE_FLAGS.NO_FAIL)) throw new CommandError(resultCode)
    else if (!has(flags, MAP_WRITE_FLAGS.PARTIAL)) return unchanged(map)
  }
  return sizeAnswer(withEntries(map, accepted))
}

/** A key and a value; flags from the arguments unless the code stands for them. */
function put(
  argumentsMax: number,
  created: (args: Arguments) => MapContainer,
  flags?: number,
): ModifyOperation<MapContainer> {
  return {
    argumentsMin: 2,
    argumentsMax,
    created,
    modify(map, args) {
      const asked = (flags ?? args.integerOr(3, 0)) & ~MAP_WRITE_FLAGS.PARTIAL
      return putItems(map, [{ key: keyOf(args), value: args.value(1) }], asked)
    },
  }
}

/** A map of keys and values; flags as for `put`. */
function putAll(
  argumentsMax: number,
  created: (args: Arguments) => MapContainer,
  flags?: number,
): ModifyOperation<MapContainer> {
  return {
    argumentsMin: 1,
    argumentsMax,
    created,
    modify(map, args) {
      const { entries } = args.map(0)
      const asked = flags ?? args.integerOr(2, 0)
      const isTaken = map.entries.length === 0 && (asked & EMPTY_TAKES_ALL) === EMPTY_TAKES_ALL
      return isTaken ? sizeAnswer(withEntries(map, entries)) : putItems(map, entries, asked)
    },
  }
}

function increment(sign: 1 | -1): ModifyOperation<MapContainer> {
  return {
    argumentsMin: 1,
    argumentsMax: 3,
    created: createdBy(2),
    modify(map, args) {
      const key = keyOf(args)
      const { at, isThere } = findKey(map, key)
      const answer = incremented(isThere ? map.entries[at]?.value : undefined, step(args, 1), sign)
      return { container: withEntries(map, [{ key, value: answer }]), answer }
    },
  }
}

function setType(map: MapContainer, args: Arguments): Change<MapContainer> {
  return { container: { ...map, order: checkedOrder(args.integer(0), MAP_FLAGS.KEY_VALUE_ORDERED) } }
}

/** Map operations that put entries in, or in order (protocol 8.5). */
export const MAP_WRITES: readonly (readonly [number, ModifyOperation<MapContainer>])[] = [
  [64, { argumentsMin: 1, argumentsMax: 1, created: () => emptyMap(0), modify: setType }],
  [65, put(3, createdBy(2), MAP_WRITE_FLAGS.CREATE_ONLY)],
  [66, putAll(2, createdBy(1), MAP_WRITE_FLAGS.CREATE_ONLY)],
  [67, put(4, createdBy(2))],
  [68, putAll(3, createdBy(1))],
  [69, put(2, notThere, MAP_WRITE_FLAGS.UPDATE_ONLY)],
  [70, putAll(1, notThere, MAP_WRITE_FLAGS.UPDATE_ONLY)],
  [73, increment(1)],
  [74, increment(-1)],
]
