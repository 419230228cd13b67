import { StoreError } from '../../errors/index.ts'
import type { BatchRow, RowAnswer } from '../../transport/index.ts'
import type { StoreContext } from '../context/store-context.ts'
import { asStoreError, missingAnswerError } from '../store-errors.ts'

/** Rows of one kind for many records of one transaction. */
export interface BoundedRows {
  /** How many there are. */
  readonly rows: number
  /** What one of them, or its answer, takes about; the larger of the two. */
  readonly rowBytes: number
  /** Makes row `index` when its batch is due, so that no more rows are in memory than in flight. */
  toRow(index: number): BatchRow
  /** Takes the answer of row `index`, in any order. What it throws ends the whole. */
  read(index: number, answer: RowAnswer): void
  /** Names row `index` in errors. */
  describe(index: number): string
  /** Awaited before each batch; what it throws ends the whole. */
  beforeBatch?(): Promise<void>
}

/** A batch of records of the usual size takes some milliseconds to build, and holds up nobody. */
const BATCH_BYTES_MAX = 2 ** 18
const LANES_MAX = 4

/**
 * Sends rows in batches that are bounded in rows and in bytes, few of them at a time: the records of a
 * transaction of a million outputs are 7,813, of 35 MB (semantics 3.7: one batch of all once stalled a node).
 * Rejects with the first failure after the batches in flight have ended; the rows after it are not sent.
 */
export async function sendBounded(
  context: StoreContext,
  rows: BoundedRows,
  signal?: AbortSignal | undefined,
): Promise<void> {
  const { maxMinedBatchSize, maxMinedRoutines } = context.settings
  const size = Math.max(1, Math.min(maxMinedBatchSize, Math.floor(BATCH_BYTES_MAX / rows.rowBytes)))
  const batches = Math.ceil(rows.rows / size)
  let next = 0
  let hasFailed = false
  const lane = async (): Promise<void> => {
    while (next < batches && !hasFailed) {
      const first = next++ * size
      try {
        await sendBatch(context, rows, first, Math.min(size, rows.rows - first), signal)
      } catch (error) {
        hasFailed = true
        throw error
      }
    }
  }
  const lanes = Math.min(LANES_MAX, maxMinedRoutines, batches)
  const ended = await Promise.allSettled(Array.from({ length: lanes }, lane))
  for (const end of ended) if (end.status === 'rejected') throw end.reason
}

async function sendBatch(
  context: StoreContext,
  { toRow, read, describe, beforeBatch }: BoundedRows,
  first: number,
  count: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (signal?.aborted)
    throw new StoreError('CONTEXT_CANCELED', "the caller's signal ended the call", { cause: signal.reason })
  await beforeBatch?.()
  const rows = Array.from({ length: count }, (_, place) => toRow(first + place))
  let answers: readonly (RowAnswer | undefined)[]
  try {
    answers = await context.operate(rows, { signal })
  } catch (error) {
    throw asStoreError(error, describe(first), { code: 'STORAGE_ERROR' })
  }
  // Every answer is taken before a failure is thrown: rows that were applied count.
  let failure: unknown
  for (const place of rows.keys()) {
    const index = first + place
    try {
      const answer = answers[place]
      if (answer === undefined) throw missingAnswerError(describe(index))
      read(index, answer)
    } catch (error) {
      failure ??= error
    }
  }
  if (failure !== undefined) throw failure
}
