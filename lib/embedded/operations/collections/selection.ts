import { RESULT_CODES } from '../../../protocol/index.ts'
import { CommandError } from '../../command-error.ts'
import type { Sequence } from './sequence.ts'

/** Neighbouring positions along an axis. */
export interface Run {
  readonly start: number
  readonly count: number
}

/** The elements that an operation names (protocol 8.4, 8.5). */
export interface Selection {
  /** What its positions are: indexes or ranks. */
  readonly axis: 'index' | 'rank'
  /** Within the sequence; in the order of the request, and repeated where the request repeats. */
  readonly runs: readonly Run[]
  /** At most one element, which is answered by itself and not in a list. */
  readonly isSingle: boolean
  /** A list of values or keys was asked for, each of them a run. */
  readonly isListed: boolean
  /** Ranks were asked for, so values are answered by rank where that differs from their index. */
  readonly isByRank: boolean
  /** Its one run was found by comparing elements with bounds, and not counted. */
  readonly isCompared: boolean
  readonly isInverted: boolean
  /** Where the one that is not there would be; -1 for nowhere. */
  readonly gap: number
  /** The result code that answers when it is to be inverted. */
  readonly inversionRefusal?: number
}

/** Indexes that a selection comes to, each once, ascending. */
export function selectedIndexes(selection: Selection, sequence: Sequence): number[] {
  const { indexesByRank } = selection.axis === 'rank' ? sequence : { indexesByRank: undefined }
  const indexes = new Set<number>()
  for (const position of positions(selection.runs)) indexes.add(indexesByRank?.[position] ?? position)
  return [...indexes].sort((left, right) => left - right)
}

export function* positions(runs: readonly Run[]): Generator<number> {
  for (const { start, count } of runs) for (let at = start; at < start + count; at++) yield at
}

const RANGE = {
  isSingle: false,
  isListed: false,
  isByRank: false,
  isCompared: false,
  isInverted: false,
  gap: -1,
} as const
const SINGLE = { ...RANGE, isSingle: true, inversionRefusal: RESULT_CODES.OP_NOT_APPLICABLE } as const

/** The part of a range that is within the sequence; an empty one begins where that would. */
function clipped(start: number, count: number, size: number): Run {
  const from = Math.min(Math.max(start, 0), size)
  const to = Math.min(start + count, size)
  return { start: from, count: Math.max(to - from, 0) }
}

/** A range whose start counts from the end when it is negative. */
export function countedRun(start: number, count: number, size: number): Run {
  return clipped(start < 0 ? start + size : start, count, size)
}

/** @throws CommandError OP_NOT_APPLICABLE when the sequence has no such position */
export function positionWithin(position: number, size: number): number {
  const within = position < 0 ? position + size : position
  if (within < 0 || within >= size)
    throw new CommandError(RESULT_CODES.OP_NOT_APPLICABLE, `position ${position}`)
  return within
}

export function range(axis: Selection['axis'], run: Run): Selection {
  return { ...RANGE, axis, runs: [run], isByRank: axis === 'rank' }
}

/** A range counted from a position that a bound has, or would have. */
export function relativeRange(
  axis: Selection['axis'],
  base: number,
  offset: number,
  count: number,
  size: number,
): Selection {
  return range(axis, clipped(base + offset, count, size))
}

export function single(axis: Selection['axis'], position: number): Selection {
  return { ...SINGLE, axis, runs: [{ start: position, count: 1 }] }
}

/** What a single operation by value selects when there is none. @param gap the rank that it would have */
export function missingValue(gap: number): Selection {
  return { ...SINGLE, axis: 'rank', runs: [], isCompared: true, gap }
}

/** What an operation by key selects when there is none: the same when it is inverted, if the map is ordered. */
export function missingKey(isOrdered: boolean): Selection {
  return { ...(isOrdered ? RANGE : SINGLE), axis: 'index', runs: [], isSingle: true }
}

/** Values within a range of ranks that is answered by index. */
export function matching(axis: Selection['axis'], start: number, end: number): Selection {
  return { ...RANGE, axis, runs: [{ start, count: Math.max(end - start, 0) }], isCompared: true }
}

export function listed(axis: Selection['axis'], runs: readonly Run[]): Selection {
  return { ...RANGE, axis, runs, isListed: true }
}

/** No keys: a server that is asked for all others crashes, so that request is refused. */
export function noKeys(): Selection {
  return { ...listed('index', []), inversionRefusal: RESULT_CODES.PARAMETER }
}

/**
 * Everything that a selection leaves out; of a key that is not there, nothing as well.
 *
 * @throws CommandError when it cannot be inverted
 */
export function inverted(selection: Selection, size: number): Selection {
  if (selection.inversionRefusal !== undefined) {
    throw new CommandError(selection.inversionRefusal, 'selection that cannot be inverted')
  }
  if (selection.isSingle) return selection
  const runs: Run[] = []
  let from = 0
  for (const { start, count } of selection.runs.toSorted((left, right) => left.start - right.start)) {
    if (count === 0) continue
    if (start > from) runs.push({ start: from, count: start - from })
    from = Math.max(from, start + count)
  }
  if (from < size) runs.push({ start: from, count: size - from })
  return { ...selection, runs, isByRank: false, isInverted: true }
}

/** Whether the elements lie in the order of an axis. */
export function isSortedBy(axis: Selection['axis'], { container, isRanked }: Sequence): boolean {
  if (axis === 'rank') return isRanked
  return container.kind === 'list' || container.order !== 0
}

/** Whether a server compares every element to find a selection. Values of a map it finds by their ranks. */
export function isSearched({ axis, isCompared }: Selection, sequence: Sequence): boolean {
  const isByMapRank = axis === 'rank' && sequence.container.kind === 'map'
  return isCompared && !isByMapRank && !isSortedBy(axis, sequence)
}
