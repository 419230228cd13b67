import type { StoreError } from '../../errors/index.ts'
import {
  type BatchRow,
  type Bins,
  type ExecuteRow,
  RESULT_CODES,
  type RowAnswer,
} from '../../transport/index.ts'
import type { OperateOptions, StoreContext } from '../context/store-context.ts'
import { asStoreError } from '../store-errors.ts'

/** A filtered write that does the same as a UDF call where its filter is met, and nothing elsewhere. */
export interface FilteredFirst<Item> {
  toRow(item: Item): ExecuteRow
  /** What the UDF would answer, of what the write has read. */
  udfBins(bins: Bins | undefined): Bins
}

/** Whether filtered writes are tried before Lua, under the setting of an operation. */
export function isFilteredFirst({ transport }: StoreContext, choice: 'auto' | 'on' | 'off'): boolean {
  return choice === 'on' || (choice === 'auto' && transport.preparesStatements === true)
}

/**
 * Nothing is said of the record by it: the filter was not met, or too many rows waited for the record. In doubt
 * an earlier attempt of the same row may have been applied: Lua takes the repetition for what it is.
 */
export function isUndecided(answer: RowAnswer | undefined): boolean {
  if (answer === undefined) return false
  return answer.status === RESULT_CODES.FILTERED_OUT || answer.status === RESULT_CODES.KEY_BUSY
}

/**
 * Tries the filtered write of each item, and calls the UDF for the items that these leave undecided. Answers as
 * the UDF calls alone would. Throws when the first batch as a whole failed; a failure of the second is the answer
 * of its items.
 */
export async function operateFilteredFirst<Item>(
  context: StoreContext,
  items: readonly Item[],
  { toRow, filtered }: { toRow(item: Item): BatchRow; filtered: FilteredFirst<Item> },
  options: OperateOptions,
): Promise<(RowAnswer | StoreError | undefined)[]> {
  const first = await context.operate(
    items.map(item => filtered.toRow(item)),
    options,
  )
  const answers: (RowAnswer | StoreError | undefined)[] = first.map(answer =>
    answer?.status === RESULT_CODES.OK ? { ...answer, bins: filtered.udfBins(answer.bins) } : answer,
  )
  const places = first.flatMap((answer, place) => (isUndecided(answer) ? [place] : []))
  if (places.length === 0) return answers
  try {
    const rows = places.map(place => toRow(items[place] as Item)) // places of these very items
    const second = await context.operate(rows, options)
    for (const [index, place] of places.entries()) answers[place] = second[index]
  } catch (error) {
    const failure = asStoreError(error, 'the batch failed', { code: 'STORAGE_ERROR' })
    for (const place of places) answers[place] = failure
  }
  return answers
}
