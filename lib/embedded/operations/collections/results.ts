import { MAP_FLAGS } from '../../../protocol/index.ts'
import { notApplicable } from '../../command-error.ts'
import { answeredRun } from './answered-run.ts'
import { listElement, type MapEntry, mapElement } from './container.ts'
import { booleanElement, type Element, integerElement, NIL } from './element.ts'
import {
  inverted,
  isSearched,
  isSortedBy,
  positions,
  type Run,
  type Selection,
  selectedIndexes,
} from './selection.ts'
import type { Sequence } from './sequence.ts'

/** What an operation answers about the elements it selects (protocol 8.6). */
const RETURN_TYPES = {
  NONE: 0,
  INDEX: 1,
  REVERSE_INDEX: 2,
  RANK: 3,
  REVERSE_RANK: 4,
  COUNT: 5,
  KEY: 6,
  VALUE: 7,
  KEY_VALUE: 8,
  INDEX_RANGE: 9,
  REVERSE_INDEX_RANGE: 10,
  RANK_RANGE: 11,
  REVERSE_RANK_RANGE: 12,
  EXISTS: 13,
  UNORDERED_MAP: 16,
  ORDERED_MAP: 17,
} as const

/** Added to a return type: the elements that are not selected. */
const INVERTED_FLAG = 0x10000
const NOT_FOUND = -1

interface Chosen {
  readonly selection: Selection
  /** Before it was inverted. */
  readonly asked: Selection
  readonly sequence: Sequence
  /** Ascending. */
  readonly indexes: readonly number[]
}

type Answer = (chosen: Chosen) => Element

/** Each gives the element that answers; positions not found are -1, values nil. */
const ANSWERS: ReadonlyMap<number, Answer> = new Map<number, Answer>([
  [RETURN_TYPES.NONE, () => NIL],
  [RETURN_TYPES.INDEX, chosen => integers(chosen, indexes(chosen))],
  [RETURN_TYPES.REVERSE_INDEX, chosen => integers(chosen, reverseIndexes(chosen))],
  [RETURN_TYPES.RANK, chosen => integers(chosen, ranks(chosen))],
  [RETURN_TYPES.REVERSE_RANK, chosen => integers(chosen, reverseRanks(chosen))],
  [RETURN_TYPES.COUNT, chosen => integerElement(chosen.indexes.length)],
  [RETURN_TYPES.VALUE, values],
  [RETURN_TYPES.INDEX_RANGE, chosen => runAnswer(chosen, 'index', false)],
  [RETURN_TYPES.REVERSE_INDEX_RANGE, chosen => runAnswer(chosen, 'index', true)],
  [RETURN_TYPES.RANK_RANGE, chosen => runAnswer(chosen, 'rank', false)],
  [RETURN_TYPES.REVERSE_RANK_RANGE, chosen => runAnswer(chosen, 'rank', true)],
  [RETURN_TYPES.EXISTS, chosen => booleanElement(exists(chosen))],
  [RETURN_TYPES.KEY, keys],
  [RETURN_TYPES.KEY_VALUE, chosen => mapElement(entries(chosen), MAP_FLAGS.PRESERVE_ORDER)],
  [RETURN_TYPES.UNORDERED_MAP, chosen => mapElement(entries(chosen), 0)],
  [RETURN_TYPES.ORDERED_MAP, chosen => mapElement(entries(chosen, chosen.indexes), MAP_FLAGS.KEY_ORDERED)],
])

/** What was selected, and what tells about it. */
export interface SelectionResult {
  readonly answer: Element
  /** Ascending. */
  readonly indexes: readonly number[]
}

/**
 * Resolves a selection with the return type that was asked for.
 *
 * @throws CommandError OP_NOT_APPLICABLE for a return type that does not fit the operation
 */
export function resolve(asked: Selection, sequence: Sequence, requestedType: number): SelectionResult {
  const isInverted = (requestedType & INVERTED_FLAG) !== 0
  const answer = ANSWERS.get(isInverted ? requestedType - INVERTED_FLAG : requestedType)
  if (answer === undefined) throw notApplicable(`return type ${requestedType}`)
  const selection = isInverted ? inverted(asked, sequence.size) : asked
  const chosen = { selection, asked, sequence, indexes: selectedIndexes(selection, sequence) }
  return { answer: answer(chosen), indexes: chosen.indexes }
}

function integers({ selection }: Chosen, found: readonly number[]): Element {
  if (selection.isSingle) return integerElement(found[0] ?? NOT_FOUND)
  return listElement(found.map(integerElement))
}

/** Whether the positions of a selection are, without a look at the elements, what an axis counts. */
function isAlong(axis: Selection['axis'], { selection, sequence }: Chosen): boolean {
  return selection.axis === axis || sequence.isRanked
}

/** Counted from the other end, but each run upwards, as a server does. */
function reversed(runs: readonly Run[], size: number): number[] {
  return [...positions(runs.map(({ start, count }) => ({ start: size - start - count, count })))]
}

function indexes(chosen: Chosen): readonly number[] {
  if (isAlong('index', chosen)) return [...positions(chosen.selection.runs)]
  return isMapByRank(chosen) ? answerOrder(chosen) : chosen.indexes
}

function reverseIndexes(chosen: Chosen): readonly number[] {
  const { selection, sequence } = chosen
  const isOneByOne = (selection.isListed && !sequence.isRanked) || isMapByRank(chosen)
  if (!isOneByOne) {
    if (isAlong('index', chosen)) return reversed(selection.runs, sequence.size)
    const isWholeMap = selection.isInverted && sequence.container.kind === 'map' && isWhole(chosen)
    if (isWholeMap) return chosen.indexes
  }
  return indexes(chosen).map(index => sequence.size - 1 - index)
}

/** Whether a map answers by rank. It does so too with everything, when all but an empty range is asked for. */
function isMapByRank({ asked, selection, sequence }: Chosen): boolean {
  if (sequence.container.kind !== 'map' || !asked.isByRank) return false
  return !selection.isInverted || asked.runs.every(({ count }) => count === 0)
}

function ranks(chosen: Chosen): readonly number[] {
  if (isAlong('rank', chosen)) return [...positions(chosen.selection.runs)]
  return ranksOfIndexes(chosen)
}

function reverseRanks(chosen: Chosen): readonly number[] {
  const { size } = chosen.sequence
  if (isAlong('rank', chosen)) return reversed(chosen.selection.runs, size)
  if (isWhole(chosen)) return chosen.indexes
  return ranksOfIndexes(chosen).map(rank => size - 1 - rank)
}

/**
 * Ranks of elements that were selected by index. When all of them are, every rank is there and answered
 * upwards; else equal elements of an unordered list share the lowest rank.
 */
function ranksOfIndexes(chosen: Chosen): readonly number[] {
  const { selection, sequence, indexes: selected } = chosen
  const isMap = sequence.container.kind === 'map'
  if (isMap && selection.isListed) throw notApplicable('ranks of a list of keys')
  if (isWhole(chosen)) return selected
  if (isMap) return selected.map(index => sequence.ranksByIndex[index] ?? NOT_FOUND)
  return selected.map(index => sequence.countBelow(sequence.value(index)))
}

function isWhole({ selection, sequence, indexes: selected }: Chosen): boolean {
  return !selection.isSingle && !selection.isListed && selected.length === sequence.size
}

/** The indexes in the order in which a server answers with the values or keys at them. */
function answerOrder(chosen: Chosen): readonly number[] {
  const { selection, sequence } = chosen
  if (sequence.isRanked) return [...positions(selection.runs)]
  if (!selection.isByRank && !isMapByRank(chosen)) return chosen.indexes
  const byRank = [...positions(selection.runs)].map(rank => sequence.indexesByRank[rank] ?? NOT_FOUND)
  return sequence.container.kind === 'list' && isNearerToLowest(selection, sequence)
    ? byRank.reverse()
    : byRank
}

/**
 * A server finds the ranks of an unordered list from the end that they are nearer to, and answers the lower
 * half downwards.
 */
function isNearerToLowest({ runs }: Selection, { size }: Sequence): boolean {
  const [run = { start: 0, count: 0 }] = runs
  return run.start <= size - run.start - run.count
}

function values(chosen: Chosen): Element {
  const found = answerOrder(chosen).map(index => chosen.sequence.value(index))
  return chosen.selection.isSingle ? (found[0] ?? NIL) : listElement(found)
}

function entries(chosen: Chosen, order = answerOrder(chosen)): readonly MapEntry[] {
  const { container } = chosen.sequence
  if (container.kind === 'list') throw notApplicable('keys of a list')
  return order.flatMap(index => container.entries[index] ?? [])
}

function keys(chosen: Chosen): Element {
  const found = entries(chosen).map(({ key }) => key)
  return chosen.selection.isSingle ? (found[0] ?? NIL) : listElement(found)
}

/** Start and count of the one range that is selected. */
function runAnswer(chosen: Chosen, axis: Selection['axis'], isReverse: boolean): Element {
  const { selection, asked, sequence } = chosen
  const { isInverted } = selection
  const run = answeredRun({ asked, isInverted, sequence, isAlong: isAlong(axis, chosen) }, isReverse)
  if (run === undefined) throw notApplicable('range of positions that are none')
  return listElement([integerElement(run.start), integerElement(run.count)])
}

/**
 * Whether anything is selected. An inverted selection along an axis that the container is not sorted by is told
 * from what was asked for, as a server does: nothing is left of it as soon as it holds something, unless that is a
 * counted range at an end of a map.
 */
function exists({ selection, asked, sequence, indexes: selected }: Chosen): boolean {
  const [run] = asked.runs
  const isOdd = selection.isInverted && !asked.isListed && run !== undefined
  if (!isOdd || isSortedBy(asked.axis, sequence)) return selected.length > 0
  const isMap = sequence.container.kind === 'map'
  if (run.count > 0) {
    const isAtEnd = run.start === 0 || run.start + run.count === sequence.size
    return isMap && !asked.isCompared && isAtEnd && selected.length > 0
  }
  // Of an empty container, too: a server does not look whether there is anything.
  return isSearched(asked, sequence) || selected.length > 0
}
