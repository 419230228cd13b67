import {
  ANY_ARGUMENTS,
  type ModifyOperation,
  type ReadOperation,
  readSelected,
  removeSelected,
} from './collection-operation.ts'
import type { Arguments } from './collection-request.ts'
import { type ListContainer, listElement } from './container.ts'
import { type Element, integerElement, NIL } from './element.ts'
import { LIST_WRITES } from './list-writes.ts'
import { countedRun, positionWithin, type Run } from './selection.ts'
import {
  byFirstValue,
  byIndex,
  byIndexRange,
  byRank,
  byRankRange,
  byValue,
  byValueInterval,
  byValueList,
  byValueRelativeRankRange,
  type Selector,
} from './selectors.ts'

/** Selectors with the codes that read and remove what they select. */
const SELECTORS: readonly (readonly [readCode: number, removeCode: number, Selector])[] = [
  [19, 32, byIndex],
  [20, 33, byFirstValue],
  [21, 34, byRank],
  [22, 35, byValue],
  [23, 36, byValueList],
  [24, 37, byIndexRange],
  [25, 38, byValueInterval],
  [26, 39, byRankRange],
  [27, 40, byValueRelativeRankRange],
]

function elementAt({ elements }: ListContainer, args: Arguments): Run {
  return { start: positionWithin(args.integer(0), elements.length), count: 1 }
}

function elementRange({ elements }: ListContainer, args: Arguments): Run {
  return countedRun(args.integer(0), args.rangeCount(1), elements.length)
}

/** Takes a run of elements out; the answer is made of them. */
function removing(
  argumentsMax: number,
  runOf: (list: ListContainer, args: Arguments) => Run,
  answer: (removed: readonly Element[]) => Element,
): ModifyOperation<ListContainer> {
  return {
    argumentsMin: 1,
    argumentsMax,
    modify(list, args) {
      const { start, count } = runOf(list, args)
      const container = { ...list, elements: list.elements.toSpliced(start, count) }
      return { container, answer: answer(list.elements.slice(start, start + count)) }
    },
  }
}

const countOf = (removed: readonly Element[]): Element => integerElement(removed.length)
const firstOf = (removed: readonly Element[]): Element => removed[0] ?? NIL
const listOf = (removed: readonly Element[]): Element => listElement(removed)

function trim(list: ListContainer, args: Arguments): { container: ListContainer; answer: Element } {
  const { start, count } = elementRange(list, args)
  const elements = list.elements.slice(start, start + count)
  return { container: { ...list, elements }, answer: integerElement(list.elements.length - elements.length) }
}

function without(list: ListContainer, isRemoved: (index: number) => boolean): ListContainer {
  return { ...list, elements: list.elements.filter((_, index) => !isRemoved(index)) }
}

/** By code (protocol 8.4). */
export const LIST_READS: ReadonlyMap<number, ReadOperation<ListContainer>> = new Map([
  [16, { ...ANY_ARGUMENTS, read: list => integerElement(list.elements.length) }],
  [
    17,
    {
      argumentsMin: 1,
      argumentsMax: 1,
      read: (list, args) => list.elements[elementAt(list, args).start] ?? NIL,
    },
  ],
  [
    18,
    {
      argumentsMin: 1,
      argumentsMax: 2,
      read(list, args) {
        const { start, count } = elementRange(list, args)
        return listElement(list.elements.slice(start, start + count))
      },
    },
  ],
  ...SELECTORS.map(([code, , selector]) => [code, readSelected<ListContainer>(selector)] as const),
])

/** By code (protocol 8.4). */
export const LIST_MODIFIES: ReadonlyMap<number, ModifyOperation<ListContainer>> = new Map([
  ...LIST_WRITES,
  [5, removing(1, elementAt, firstOf)],
  [6, removing(2, elementRange, listOf)],
  [7, removing(1, elementAt, countOf)],
  [8, removing(2, elementRange, countOf)],
  [10, { argumentsMin: 2, argumentsMax: 2, modify: trim }],
  [11, { ...ANY_ARGUMENTS, modify: list => ({ container: { ...list, elements: [] } }) }],
  ...SELECTORS.map(([, code, selector]) => [code, removeSelected(selector, without)] as const),
])
