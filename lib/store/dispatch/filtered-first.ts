import type { StoreError } from '../../errors/index.ts'
import {
  type BatchRow,
  type Bins,
  type ExecuteRow,
  RESULT_CODES,
  type RowAnswer,
} from '../../transport/index.ts'
import type { FilterYields } from '../context/filter-yield.ts'
import type { OperateOptions, StoreContext } from '../context/store-context.ts'
import { asStoreError, doubtfulError, isInDoubt } from '../store-errors.ts'

/** A filtered write that does the same as a UDF call where its conditions are met, and nothing elsewhere. */
export interface FilteredFirst<Item> {
  toRow(item: Item): ExecuteRow
  /** What the UDF would answer, of what the write has read. */
  udfBins(bins: Bins | undefined): Bins
  /** Has it left out while too few rows pass. */
  readonly filterYields?: FilterYields | undefined
}

/** Whether filtered writes are tried before Lua, under the setting of an operation. */
export function isFilteredFirst({ transport }: StoreContext, choice: 'auto' | 'on' | 'off'): boolean {
  return choice === 'on' || (choice === 'auto' && transport.preparesStatements === true)
}

/** Answers of rows that have left their record as it is, and say nothing of it. */
const UNDECIDED: ReadonlySet<number> = new Set([
  RESULT_CODES.FILTERED_OUT,
  /** The filter was met, a condition of an operation was not. */
  RESULT_CODES.OP_NOT_APPLICABLE,
  /** Too many rows waited for the record. */
  RESULT_CODES.KEY_BUSY,
])

/**
 * In doubt an earlier attempt of the same row may have been applied: Lua takes the repetition for what it is, and where
 * that call fails the doubt stays.
 */
export function isUndecided(answer: RowAnswer | undefined): boolean {
  return answer !== undefined && UNDECIDED.has(answer.status)
}

/**
 * Tries filtered writes for each item, one after the other, and calls the UDF for the items that all of them leave
 * undecided. Answers as the UDF calls alone would. Throws when the first batch as a whole failed; a failure of a later
 * one is the answer of its items.
 */
export async function operateFilteredFirst<Item>(
  context: StoreContext,
  items: readonly Item[],
  { toRow, filtered }: { toRow(item: Item): BatchRow; filtered: readonly FilteredFirst<Item>[] },
  options: OperateOptions,
): Promise<(RowAnswer | StoreError | undefined)[]> {
  const answers = new Array<RowAnswer | StoreError | undefined>(items.length).fill(undefined)
  let places: readonly number[] | undefined
  for (const attempt of [...filtered, { toRow, udfBins: undefined, filterYields: undefined }]) {
    const filterYield = attempt.filterYields?.[places === undefined ? 'ofAll' : 'ofRest']
    if (filterYield?.isWorthwhile() === false) continue
    const rows = placed(items, places).map(item => attempt.toRow(item))
    try {
      const some = await context.operate(rows, options)
      places = placeAnswers(answers, some, places, attempt.udfBins)
      filterYield?.record(rows.length, rows.length - places.length)
    } catch (error) {
      if (places === undefined) throw error
      const failure = asStoreError(error, 'the batch failed', { code: 'STORAGE_ERROR' })
      for (const place of places)
        answers[place] = isInDoubt(answers[place]) ? doubtfulError(failure) : failure
      break
    }
    if (places.length === 0) break
  }
  return answers
}

/** The items at these places, or all. */
function placed<Item>(items: readonly Item[], places: readonly number[] | undefined): readonly Item[] {
  return places === undefined ? items : places.map(place => items[place] as Item) // places of these very items
}

/**
 * Puts the answers to the rows of these places, or of all, where they belong; `udfBins` makes those of filtered writes
 * what the UDF would have said. Returns the places that it left undecided.
 */
function placeAnswers(
  answers: (RowAnswer | StoreError | undefined)[],
  some: readonly (RowAnswer | undefined)[],
  places: readonly number[] | undefined,
  udfBins: ((bins: Bins | undefined) => Bins) | undefined,
): readonly number[] {
  const undecided: number[] = []
  for (let index = 0; index < some.length; index++) {
    const place = places?.[index] ?? index
    const answer = some[index]
    const isDone = udfBins !== undefined && answer?.status === RESULT_CODES.OK
    answers[place] = isDone ? { ...answer, bins: udfBins(answer.bins) } : withDoubtOf(answers[place], answer)
    if (isUndecided(answer)) undecided.push(place)
  }
  return undecided
}

/** An answer after another one to the same item, which was undecided: unless it is a success, doubt of that one stays. */
function withDoubtOf(
  before: RowAnswer | StoreError | undefined,
  answer: RowAnswer | undefined,
): RowAnswer | undefined {
  const isSettled = answer === undefined || answer.status === RESULT_CODES.OK || !isInDoubt(before)
  return isSettled ? answer : { ...answer, inDoubt: true }
}
