import type { StoreError } from '../../errors/index.ts'
import type { BatchRow, RowAnswer } from '../../transport/index.ts'
import type { StoreContext } from '../context/store-context.ts'
import { asStoreError, missingAnswerError } from '../store-errors.ts'
import { type FilteredFirst, operateFilteredFirst } from './filtered-first.ts'
import { forChunks, mapChunks, type Sliceable } from './map-chunks.ts'
import type { OnProgress } from './progress.ts'

export interface MapRows<Item, Result> {
  /** The row that carries one item to the server. */
  toRow(item: Item): BatchRow
  /** Names an item in errors. */
  describe(item: Item): string
  /** The result of one item: from its row's answer, or from the error where it has none. What it throws ends the call. */
  read(item: Item, answer: RowAnswer | StoreError): Result
  readonly onProgress?: OnProgress | undefined
  /** For changes that a repetition would find done, and refuse: the transport must not retry them. */
  readonly once?: boolean | undefined
  /** Tried before the row, one after the other; it goes only where these decide nothing. */
  readonly filtered?: readonly FilteredFirst<Item>[] | undefined
}

/** One row for each item of a list of any length, in as few batches as it takes; the results in the order of the list. */
export function mapRows<Item, Result>(
  context: StoreContext,
  items: Sliceable<Item>,
  signal: AbortSignal | undefined,
  rows: MapRows<Item, Result>,
): Promise<Result[]> {
  return mapChunks(context, items, signal, chunk => mapChunk(context, chunk, signal, rows), rows.onProgress)
}

/** As `mapRows`, where what `read` does is all that is wanted of it: nothing is kept of a list of millions. */
export async function forRows<Item>(
  context: StoreContext,
  items: Sliceable<Item>,
  signal: AbortSignal | undefined,
  rows: MapRows<Item, void>,
): Promise<void> {
  const { maxMinedBatchSize: size, maxMinedRoutines: lanes } = context.settings
  await forChunks(items, { size, lanes, signal, onProgress: rows.onProgress }, async chunk => {
    await mapChunk(context, chunk, signal, rows)
  })
}

async function mapChunk<Item, Result>(
  context: StoreContext,
  chunk: readonly Item[],
  signal: AbortSignal | undefined,
  { toRow, describe, read, filtered = [], once }: MapRows<Item, Result>,
): Promise<Result[]> {
  let answers: readonly (RowAnswer | StoreError | undefined)[]
  try {
    answers =
      filtered.length === 0
        ? await context.operate(chunk.map(toRow), { signal, once })
        : await operateFilteredFirst(context, chunk, { toRow, filtered }, { signal })
  } catch (error) {
    const failure = asStoreError(error, 'the batch failed', { code: 'STORAGE_ERROR' })
    return chunk.map(item => read(item, failure))
  }
  return chunk.map((item, index) => read(item, answers[index] ?? missingAnswerError(describe(item))))
}
