import {
  ANY_ARGUMENTS,
  type ModifyOperation,
  type ReadOperation,
  readSelected,
  removeSelected,
} from './collection-operation.ts'
import type { MapContainer } from './container.ts'
import { integerElement } from './element.ts'
import { MAP_WRITES } from './map-writes.ts'
import {
  byFirstValue,
  byIndex,
  byIndexRange,
  byKey,
  byKeyInterval,
  byKeyList,
  byKeyRelativeIndexRange,
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
  [97, 76, byKey],
  [98, 77, byIndex],
  [99, 78, byFirstValue],
  [100, 79, byRank],
  [107, 81, byKeyList],
  [102, 82, byValue],
  [108, 83, byValueList],
  [103, 84, byKeyInterval],
  [104, 85, byIndexRange],
  [105, 86, byValueInterval],
  [106, 87, byRankRange],
  [109, 88, byKeyRelativeIndexRange],
  [110, 89, byValueRelativeRankRange],
]

function without(map: MapContainer, isRemoved: (index: number) => boolean): MapContainer {
  return { ...map, entries: map.entries.filter((_, index) => !isRemoved(index)) }
}

/** By code (protocol 8.5). */
export const MAP_READS: ReadonlyMap<number, ReadOperation<MapContainer>> = new Map([
  [96, { ...ANY_ARGUMENTS, read: map => integerElement(map.entries.length) }],
  ...SELECTORS.map(([code, , selector]) => [code, readSelected<MapContainer>(selector)] as const),
])

/** By code (protocol 8.5). */
export const MAP_MODIFIES: ReadonlyMap<number, ModifyOperation<MapContainer>> = new Map([
  ...MAP_WRITES,
  [75, { ...ANY_ARGUMENTS, modify: map => ({ container: { ...map, entries: [] } }) }],
  ...SELECTORS.map(([, code, selector]) => [code, removeSelected(selector, without)] as const),
])
