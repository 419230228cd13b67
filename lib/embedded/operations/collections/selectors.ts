import { RESULT_CODES } from '../../../protocol/index.ts'
import { CommandError } from '../../command-error.ts'
import type { Arguments } from './collection-request.ts'
import { findKey, lowerBound, type MapContainer } from './container.ts'
import { compare, type Element, NIL, refuseTooMany } from './element.ts'
import {
  countedRun,
  listed,
  matching,
  missingKey,
  missingValue,
  noKeys,
  positionWithin,
  type Run,
  range,
  relativeRange,
  type Selection,
  single,
} from './selection.ts'
import type { Sequence } from './sequence.ts'

/** Selects elements by arguments behind the return type (protocol 8.4, 8.5). */
export interface Selector {
  /** Arguments that it cannot do without. */
  readonly argumentsMin: number
  readonly argumentsMax: number
  readonly select: (sequence: Sequence, args: Arguments) => Selection
}

export const byIndex: Selector = {
  argumentsMin: 1,
  argumentsMax: 1,
  select: ({ size }, args) => single('index', positionWithin(args.integer(0), size)),
}

export const byRank: Selector = {
  argumentsMin: 1,
  argumentsMax: 1,
  select: ({ size }, args) => single('rank', positionWithin(args.integer(0), size)),
}

export const byIndexRange: Selector = {
  argumentsMin: 1,
  argumentsMax: 2,
  select: ({ size }, args) => range('index', countedRun(args.integer(0), args.rangeCount(1), size)),
}

export const byRankRange: Selector = {
  argumentsMin: 1,
  argumentsMax: 2,
  select: ({ size }, args) => range('rank', countedRun(args.integer(0), args.rangeCount(1), size)),
}

/** The first of the elements that have a value. */
export const byFirstValue: Selector = {
  argumentsMin: 1,
  argumentsMax: 1,
  select(sequence, args) {
    const { start, count } = valueRun(sequence, args.bound(0))
    return count === 0 ? missingValue(start) : single('rank', start)
  },
}

export const byValue: Selector = {
  argumentsMin: 1,
  argumentsMax: 1,
  select(sequence, args) {
    const { start, count } = valueRun(sequence, args.bound(0))
    return matching('rank', start, start + count)
  },
}

export const byValueInterval: Selector = {
  argumentsMin: 1,
  argumentsMax: 2,
  select(sequence, args) {
    const start = sequence.countBelow(args.bound(0))
    const end = args.count > 1 ? sequence.countBelow(args.bound(1)) : sequence.size
    return matching('rank', start, end)
  },
}

export const byValueList: Selector = {
  argumentsMin: 1,
  argumentsMax: 1,
  select(sequence, args) {
    const asked = args.bounds(0)
    if (sequence.isRanked) return listed('rank', valueRuns(sequence, asked))
    return listed('rank', valueRuns(sequence, withoutRepeats(asked)).flatMap(singleRuns))
  },
}

export const byValueRelativeRankRange: Selector = {
  argumentsMin: 2,
  argumentsMax: 3,
  select(sequence, args) {
    const base = sequence.countBelow(args.bound(0))
    return relativeRange('rank', base, args.integer(1), args.rangeCount(2), sequence.size)
  },
}

export const byKey: Selector = {
  argumentsMin: 1,
  argumentsMax: 1,
  select(sequence, args) {
    const map = mapOf(sequence)
    const { at, isThere } = findKey(map, args.bound(0))
    return isThere ? single('index', at) : missingKey(map.order !== 0)
  },
}

export const byKeyInterval: Selector = {
  argumentsMin: 1,
  argumentsMax: 2,
  select(sequence, args) {
    const map = mapOf(sequence)
    const end = args.count > 1 ? keysBelow(map, args.bound(1)) : sequence.size
    return matching('index', keysBelow(map, args.bound(0)), end)
  },
}

export const byKeyList: Selector = {
  argumentsMin: 1,
  argumentsMax: 1,
  select(sequence, args) {
    const map = mapOf(sequence)
    const asked = args.bounds(0)
    if (asked.length === 0) return noKeys()
    const runs = (map.order === 0 ? withoutRepeats(asked) : asked).flatMap(key => {
      const { at, isThere } = findKey(map, key)
      return isThere ? [{ start: at, count: 1 }] : []
    })
    return listed('index', runs)
  },
}

export const byKeyRelativeIndexRange: Selector = {
  argumentsMin: 2,
  argumentsMax: 3,
  select(sequence, args) {
    const base = keysBelow(mapOf(sequence), args.bound(0))
    return relativeRange('index', base, args.integer(1), args.rangeCount(2), sequence.size)
  },
}

/** The ranks of the elements that equal a bound: they are neighbours. */
function valueRun(sequence: Sequence, bound: Element): Run {
  const start = sequence.countBelow(bound)
  return { start, count: sequence.countThrough(bound) - start }
}

/**
 * The ranks of each of some bounds.
 *
 * @throws CommandError RECORD_TOO_BIG as soon as they are more than any record holds: bounds may repeat
 */
function valueRuns(sequence: Sequence, bounds: readonly Element[]): Run[] {
  let total = 0
  return bounds.map(bound => {
    const run = valueRun(sequence, bound)
    total += run.count
    refuseTooMany(total)
    return run
  })
}

function singleRuns({ start, count }: Run): Run[] {
  return Array.from({ length: count }, (_, at) => ({ start: start + at, count: 1 }))
}

/** Of equal bounds the last stays, as on a server. */
function withoutRepeats(bounds: readonly Element[]): Element[] {
  const order = bounds.map((_, at) => at)
  order.sort((left, right) => compare(bounds[left] ?? NIL, bounds[right] ?? NIL) || right - left)
  const isRepeated = new Set<number>()
  for (let at = 1; at < order.length; at++) {
    const [previous = 0, current = 0] = [order[at - 1], order[at]]
    if (compare(bounds[previous] ?? NIL, bounds[current] ?? NIL) === 0) isRepeated.add(current)
  }
  return bounds.filter((_, at) => !isRepeated.has(at))
}

function mapOf({ container }: Sequence): MapContainer {
  if (container.kind === 'map') return container
  throw new CommandError(RESULT_CODES.INCOMPATIBLE_TYPE)
}

function keysBelow({ entries }: MapContainer, bound: Element): number {
  return lowerBound(entries.length, at => entries[at]?.key ?? NIL, bound)
}
