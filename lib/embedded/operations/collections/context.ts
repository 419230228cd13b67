import { MAP_FLAGS } from '../../../protocol/index.ts'
import { notApplicable } from '../../command-error.ts'
import type { ContextLevel } from './collection-request.ts'
import {
  type Container,
  decodeContainer,
  EMPTY_LIST,
  EMPTY_ORDERED_LIST,
  emptyMap,
  encodeContainer,
  findKey,
  type ListContainer,
  withEntries,
  withInserted,
} from './container.ts'
import { compare, type Element, integerOf, NIL } from './element.ts'
import { padded } from './padding.ts'
import { Sequence } from './sequence.ts'

/** What a level finds an element by, in the low bits of its type (protocol 8.3). */
const LEVEL_KIND_MASK = 0x3f
const LEVEL_KINDS = {
  LIST_INDEX: 0x10,
  LIST_RANK: 0x11,
  LIST_VALUE: 0x13,
  MAP_INDEX: 0x20,
  MAP_RANK: 0x21,
  MAP_KEY: 0x22,
  MAP_VALUE: 0x23,
} as const

/** What container a level is in if there is none, in the high bits of its type (protocol 8.3). */
const LEVEL_CREATE_MASK = 0xc0
const LEVEL_CREATES = { UNORDERED: 0x40, PADDED_OR_KEY_ORDERED: 0x80, ORDERED: 0xc0 } as const
/** A filter on the level before: only path operations have it. */
const LEVEL_FILTER_FLAG = 0x200

const NOT_THERE = -1

/** The position of the element that a level names, NOT_THERE for none. */
type Find = (sequence: Sequence, value: Element) => number

function within(position: number, size: number): number {
  const from = position < 0 ? position + size : position
  return from < 0 || from >= size ? NOT_THERE : from
}

const findByIndex: Find = ({ size }, value) => within(integerOf(value), size)

const findByRank: Find = (sequence, value) =>
  sequence.indexesByRank[within(integerOf(value), sequence.size)] ?? NOT_THERE

const findByValue: Find = (sequence, value) => {
  const index = sequence.indexesByRank[sequence.countBelow(value)]
  return index !== undefined && compare(sequence.value(index), value) === 0 ? index : NOT_THERE
}

const findByKey: Find = ({ container }, value) => {
  if (container.kind !== 'map') return NOT_THERE
  const { at, isThere } = findKey(container, value)
  return isThere ? at : NOT_THERE
}

const FINDS: ReadonlyMap<number, { readonly kind: Container['kind']; readonly find: Find }> = new Map([
  [LEVEL_KINDS.LIST_INDEX, { kind: 'list', find: findByIndex }],
  [LEVEL_KINDS.LIST_RANK, { kind: 'list', find: findByRank }],
  [LEVEL_KINDS.LIST_VALUE, { kind: 'list', find: findByValue }],
  [LEVEL_KINDS.MAP_INDEX, { kind: 'map', find: findByIndex }],
  [LEVEL_KINDS.MAP_RANK, { kind: 'map', find: findByRank }],
  [LEVEL_KINDS.MAP_KEY, { kind: 'map', find: findByKey }],
  [LEVEL_KINDS.MAP_VALUE, { kind: 'map', find: findByValue }],
])

/** The container that a level is in, and where in it. */
function locate(element: Element, level: ContextLevel): { container: Container; position: number } {
  if ((level.type & LEVEL_FILTER_FLAG) !== 0) throw notApplicable('context with a filter')
  const by = FINDS.get(level.type & LEVEL_KIND_MASK)
  const container = decodeContainer(element)
  if (by === undefined || container?.kind !== by.kind) throw notApplicable(`context level ${level.type}`)
  return { container, position: by.find(new Sequence(container), level.value) }
}

/**
 * The element that a context leads to.
 *
 * @throws CommandError OP_NOT_APPLICABLE when it leads nowhere
 */
export function follow(root: Element, context: readonly ContextLevel[]): Element {
  let element = root
  for (const level of context) {
    const { container, position } = locate(element, level)
    if (position === NOT_THERE) throw notApplicable('context not found')
    element = new Sequence(container).value(position)
  }
  return element
}

/** The new element for one, or for none; `undefined` when nothing changes. */
type ChangeElement = (element: Element | undefined) => Element | undefined

/**
 * Changes the element that a context leads to, and what it is in. A level with a create flag need not be there,
 * nor any level inside of one that is created.
 *
 * @param root `undefined` for a bin that is not there
 * @returns the new root, `undefined` when there is still none
 * @throws CommandError OP_NOT_APPLICABLE when the context leads nowhere
 */
export function changeAt(
  root: Element | undefined,
  context: readonly ContextLevel[],
  change: ChangeElement,
): Element | undefined {
  return changeLevel(root, context, change, false)
}

function changeLevel(
  root: Element | undefined,
  context: readonly ContextLevel[],
  change: ChangeElement,
  isInCreated: boolean,
): Element | undefined {
  const [level, ...deeper] = context
  if (level === undefined) return change(root)
  const { container, position } =
    root === undefined ? { container: createdContainer(level), position: NOT_THERE } : locate(root, level)
  if (position === NOT_THERE) {
    refuseToCreate(container, level, isInCreated)
    const created = changeLevel(undefined, deeper, change, true)
    return created === undefined ? root : encodeContainer(withCreated(container, level, created))
  }
  const changed = changeLevel(new Sequence(container).value(position), deeper, change, false)
  return changed === undefined ? root : encodeContainer(withReplaced(container, position, changed))
}

/** The empty container that a level is put in. @throws CommandError OP_NOT_APPLICABLE without a create flag */
function createdContainer({ type }: ContextLevel): Container {
  const create = type & LEVEL_CREATE_MASK
  switch (type & LEVEL_KIND_MASK) {
    case LEVEL_KINDS.LIST_INDEX:
      return create === LEVEL_CREATES.ORDERED ? EMPTY_ORDERED_LIST : EMPTY_LIST
    case LEVEL_KINDS.MAP_KEY:
      if (create === LEVEL_CREATES.ORDERED) return emptyMap(MAP_FLAGS.KEY_VALUE_ORDERED)
      return emptyMap(create === LEVEL_CREATES.PADDED_OR_KEY_ORDERED ? MAP_FLAGS.KEY_ORDERED : 0)
    default:
      throw notApplicable('context not found')
  }
}

/** @throws CommandError OP_NOT_APPLICABLE when the flags of a level do not let its element be created */
function refuseToCreate(container: Container, { type, value }: ContextLevel, isInCreated: boolean): void {
  const create = type & LEVEL_CREATE_MASK
  const kind = type & LEVEL_KIND_MASK
  if ((create === 0 && !isInCreated) || (kind !== LEVEL_KINDS.LIST_INDEX && kind !== LEVEL_KINDS.MAP_KEY)) {
    throw notApplicable('context not found')
  }
  if (container.kind === 'map') return
  const index = integerOf(value)
  const isPast = index > container.elements.length
  const mayBePast = container.isOrdered || create === LEVEL_CREATES.PADDED_OR_KEY_ORDERED
  if (index < 0 || (isPast && !mayBePast)) throw notApplicable('context past the end of a list')
}

function withCreated(container: Container, { value }: ContextLevel, element: Element): Container {
  if (container.kind === 'map') return withEntries(container, [{ key: value, value: element }])
  if (container.isOrdered) return withSorted(container, container.elements, element)
  return { ...container, elements: [...padded(container.elements, integerOf(value)), element] }
}

function withReplaced(container: Container, position: number, element: Element): Container {
  if (container.kind === 'map') {
    const key = container.entries[position]?.key ?? NIL
    return { ...container, entries: container.entries.with(position, { key, value: element }) }
  }
  if (!container.isOrdered) return { ...container, elements: container.elements.with(position, element) }
  return withSorted(container, container.elements.toSpliced(position, 1), element)
}

function withSorted(list: ListContainer, others: readonly Element[], element: Element): ListContainer {
  return { ...list, elements: withInserted(others, element) }
}
