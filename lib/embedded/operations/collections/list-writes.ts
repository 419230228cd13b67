import { LIST_FLAGS, RESULT_CODES } from '../../../protocol/index.ts'
import { CommandError, notApplicable } from '../../command-error.ts'
import { type Change, type ModifyOperation, sizeAnswer, unchanged } from './collection-operation.ts'
import type { Arguments } from './collection-request.ts'
import { EMPTY_LIST, EMPTY_ORDERED_LIST, type ListContainer, lowerBound, withInserted } from './container.ts'
import { compare, type Element, integerElement, NIL } from './element.ts'
import { incremented } from './number.ts'
import { padded } from './padding.ts'
import { checkedOrder, has, LIST_WRITE_FLAGS, lenientOrder } from './write-flags.ts'

const DEFAULT_STEP = integerElement(1)
const SORT_FLAGS = { DESCENDING: 1, DROP_DUPLICATES: 2 } as const

/** An empty list with the order of the argument at a position. */
const createdBy =
  (orderArgument: number) =>
  (args: Arguments): ListContainer =>
    lenientOrder(args.integerOr(orderArgument, 0), LIST_FLAGS.ORDERED) === 0 ? EMPTY_LIST : EMPTY_ORDERED_LIST

const unordered = (): ListContainer => EMPTY_LIST

/** The elements sorted; `descending` is only for unordered lists. */
function sorted(elements: readonly Element[], isDescending = false): Element[] {
  return elements.toSorted((left, right) => (isDescending ? compare(right, left) : compare(left, right)))
}

function withElements(list: ListContainer, elements: readonly Element[]): ListContainer {
  return { ...list, elements: list.isOrdered ? sorted(elements) : elements }
}

/**
 * The items that may be added under ADD_UNIQUE; `undefined` when none shall be, because one is there already.
 *
 * @throws CommandError ELEMENT_EXISTS for one that is in the list, OP_NOT_APPLICABLE for one that is given
 *   twice, which is noticed before anything else where the list is ordered
 */
function uniqueItems(
  list: ListContainer,
  items: readonly Element[],
  flags: number,
): readonly Element[] | undefined {
  if (!has(flags, LIST_WRITE_FLAGS.ADD_UNIQUE)) return items
  const mayFail = !has(flags, LIST_WRITE_FLAGS.NO_FAIL)
  const isInList = membershipOf(list, items.length)
  const isRepeat = repeats(items)
  if (mayFail && list.isOrdered && isRepeat.includes(true)) throw notApplicable('item given twice')
  const unique: Element[] = []
  for (const [at, item] of items.entries()) {
    const isThere = isInList(item)
    if (!isThere && !isRepeat[at]) unique.push(item)
    else if (mayFail)
      throw isThere ? new CommandError(RESULT_CODES.ELEMENT_EXISTS) : notApplicable('item given twice')
    else if (!has(flags, LIST_WRITE_FLAGS.PARTIAL)) return undefined
  }
  return unique
}

/** Below this, looking through a list costs less than sorting it. */
const LOOKUPS_MIN_TO_SORT = 8

/** Tells whether a list holds an element, for about so many of them. */
function membershipOf(list: ListContainer, lookups: number): (element: Element) => boolean {
  if (!list.isOrdered && lookups < LOOKUPS_MIN_TO_SORT) {
    return element => list.elements.some(other => compare(other, element) === 0)
  }
  const ascending = list.isOrdered ? list.elements : sorted(list.elements)
  return element => {
    const found = ascending[lowerBound(ascending.length, at => ascending[at] ?? NIL, element)]
    return found !== undefined && compare(found, element) === 0
  }
}

/** For each item, whether it equals one before it. */
function repeats(items: readonly Element[]): boolean[] {
  const order = items.map((_, at) => at)
  const item = (position: number): Element => items[order[position] ?? 0] ?? NIL
  order.sort((left, right) => compare(items[left] ?? NIL, items[right] ?? NIL) || left - right)
  const isRepeat = new Array<boolean>(items.length).fill(false)
  for (let position = 1; position < order.length; position++) {
    isRepeat[order[position] ?? 0] = compare(item(position - 1), item(position)) === 0
  }
  return isRepeat
}

function appendItems(list: ListContainer, items: readonly Element[], flags: number): Change<ListContainer> {
  const added = uniqueItems(list, items, flags)
  if (added === undefined) return unchanged(list)
  const [first, ...more] = added
  if (list.isOrdered && first !== undefined && more.length === 0) {
    return sizeAnswer({ ...list, elements: withInserted(list.elements, first) })
  }
  return sizeAnswer(withElements(list, [...list.elements, ...added]))
}

/**
 * The index that elements are put at, from the start; `undefined` for one past the end that the flags forbid
 * and pass over.
 *
 * @throws CommandError OP_NOT_APPLICABLE
 */
function writeIndex(list: ListContainer, index: number, flags: number): number | undefined {
  const { length } = list.elements
  const from = index < 0 ? index + length : index
  if (from < 0) throw notApplicable(`index ${index}`)
  if (from <= length || !has(flags, LIST_WRITE_FLAGS.INSERT_BOUNDED)) return from
  if (has(flags, LIST_WRITE_FLAGS.NO_FAIL)) return undefined
  throw notApplicable(`index ${index} past the end`)
}

function insertItems(
  list: ListContainer,
  index: number,
  items: readonly Element[],
  flags: number,
): Change<ListContainer> {
  if (list.isOrdered) throw notApplicable('insert into an ordered list')
  if (items.length === 0) return sizeAnswer(list)
  const at = writeIndex(list, index, flags)
  if (at === undefined) return unchanged(list)
  const added = uniqueItems(list, items, flags)
  if (added === undefined || added.length === 0) return unchanged(list)
  return sizeAnswer(withElements(list, padded(list.elements, at).toSpliced(at, 0, ...added)))
}

/**
 * Whether an element may take a place: not when it equals another and ADD_UNIQUE is set.
 *
 * @throws CommandError ELEMENT_EXISTS
 */
function mayTakePlace(list: ListContainer, at: number, element: Element, flags: number): boolean {
  if (!has(flags, LIST_WRITE_FLAGS.ADD_UNIQUE)) return true
  const isElsewhere = list.elements.some((other, index) => index !== at && compare(other, element) === 0)
  if (isElsewhere && !has(flags, LIST_WRITE_FLAGS.NO_FAIL))
    throw new CommandError(RESULT_CODES.ELEMENT_EXISTS)
  return !isElsewhere
}

function set(list: ListContainer, args: Arguments): Change<ListContainer> {
  const flags = args.integerOr(2, 0)
  const element = args.value(1)
  if (list.isOrdered) throw notApplicable('set in an ordered list')
  const at = writeIndex(list, args.integer(0), flags)
  if (at === undefined || !mayTakePlace(list, at, element, flags)) return {}
  return { container: withElements(list, padded(list.elements, at).toSpliced(at, 1, element)) }
}

/** Answers the sum, also when flags keep it from being written. */
function increment(list: ListContainer, args: Arguments): Change<ListContainer> {
  const flags = args.integerOr(3, 0)
  const at = writeIndex(list, args.integer(0), flags)
  const answer = incremented(at === undefined ? undefined : list.elements[at], step(args, 1), 1)
  if (at === undefined) return { answer }
  if (list.isOrdered && at > list.elements.length)
    throw notApplicable('index past the end of an ordered list')
  if (!mayTakePlace(list, at, answer, flags)) return { answer }
  return { container: withElements(list, padded(list.elements, at).toSpliced(at, 1, answer)), answer }
}

/** What to increment by: 1 when it is left out or nil. */
export function step(args: Arguments, position: number): Element {
  const asked = args.boundOr(position, NIL)
  return asked.equals(NIL) ? DEFAULT_STEP : asked
}

function sort(list: ListContainer, args: Arguments): Change<ListContainer> {
  const flags = args.integerOr(0, 0)
  const isDescending = has(flags, SORT_FLAGS.DESCENDING)
  const dropsDuplicates = has(flags, SORT_FLAGS.DROP_DUPLICATES)
  const isUnsorted = !list.isOrdered && list.elements.length > 1
  if (isDescending && dropsDuplicates && isUnsorted)
    throw new CommandError(RESULT_CODES.PARAMETER, `sort flags ${flags}`)
  const elements = sorted(list.elements, isDescending && !list.isOrdered)
  if (!dropsDuplicates) return { container: { ...list, elements } }
  const distinct = elements.filter(
    (element, at) => at === 0 || compare(elements[at - 1] ?? NIL, element) !== 0,
  )
  return { container: { ...list, elements: distinct } }
}

function setType(list: ListContainer, args: Arguments): Change<ListContainer> {
  const isOrdered = checkedOrder(args.integer(0), LIST_FLAGS.ORDERED) !== 0
  return { container: withElements({ ...list, isOrdered }, list.elements) }
}

/** List operations that put elements in, or in order (protocol 8.4). */
export const LIST_WRITES: readonly (readonly [number, ModifyOperation<ListContainer>])[] = [
  [0, { argumentsMin: 1, argumentsMax: 1, created: unordered, modify: setType }],
  [
    1,
    {
      argumentsMin: 1,
      argumentsMax: 3,
      created: createdBy(1),
      modify: (list, args) => appendItems(list, [args.value(0)], args.integerOr(2, 0)),
    },
  ],
  [
    2,
    {
      argumentsMin: 1,
      argumentsMax: 3,
      created: createdBy(1),
      modify: (list, args) => appendItems(list, args.values(0), args.integerOr(2, 0)),
    },
  ],
  [
    3,
    {
      argumentsMin: 2,
      argumentsMax: 3,
      created: unordered,
      modify: (list, args) => insertItems(list, args.integer(0), [args.value(1)], args.integerOr(2, 0)),
    },
  ],
  [
    4,
    {
      argumentsMin: 2,
      argumentsMax: 3,
      created: unordered,
      modify: (list, args) => insertItems(list, args.integer(0), args.values(1), args.integerOr(2, 0)),
    },
  ],
  [9, { argumentsMin: 2, argumentsMax: 3, created: unordered, modify: set }],
  [12, { argumentsMin: 1, argumentsMax: 4, created: createdBy(2), modify: increment }],
  [
    13,
    {
      argumentsMin: 0,
      argumentsMax: 1,
      needsBin: true,
      modify: sort,
    },
  ],
]
