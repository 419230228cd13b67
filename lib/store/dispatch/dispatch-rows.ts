import type { BatchItem } from '../../batching/index.ts'
import type { StoreError } from '../../errors/index.ts'
import type { BatchRow, RowAnswer } from '../../transport/index.ts'
import type { StoreContext } from '../context/store-context.ts'
import { asStoreError, missingAnswerError } from '../store-errors.ts'

export interface RowDispatch<Request, Answer> {
  /** The row that carries one request to the server. What it throws fails that item alone. */
  toRow(request: Request): BatchRow
  /** Answers the item from its row's answer. What it throws fails that item alone. */
  settle(item: BatchItem<Request, Answer>, answer: RowAnswer): void
  /** Told of a failure of the whole call, before the item gets it. */
  onFailure?(request: Request, failure: StoreError): void
  /** Names an item in errors. */
  describe(request: Request): string
}

/**
 * One batch call for a batch of items with one row each. An item that makes no row, has no answer or cannot
 * be decoded fails alone and shifts no other item's answer (semantics 4.6); a failure of the whole call goes
 * to every item.
 */
export async function dispatchRows<Request, Answer>(
  context: StoreContext,
  items: readonly BatchItem<Request, Answer>[],
  { toRow, settle, onFailure, describe }: RowDispatch<Request, Answer>,
): Promise<void> {
  // Naming a broken request must not throw in the place where its error is reported.
  const nameOf = (request: Request): string => {
    try {
      return describe(request)
    } catch {
      return 'an item that cannot be named'
    }
  }
  const rows: BatchRow[] = []
  const sent: BatchItem<Request, Answer>[] = []
  for (const item of items) {
    try {
      rows.push(toRow(item.request))
      sent.push(item)
    } catch (error) {
      item.fail(asStoreError(error, nameOf(item.request), { code: 'PROCESSING' }))
    }
  }
  let answers: readonly (RowAnswer | undefined)[]
  try {
    answers = await context.operate(rows)
  } catch (error) {
    const failure = asStoreError(error, 'the batch failed', { code: 'STORAGE_ERROR' })
    for (const item of sent) {
      onFailure?.(item.request, failure)
      item.fail(failure)
    }
    return
  }
  for (const [index, item] of sent.entries()) {
    const answer = answers[index]
    try {
      if (answer === undefined) item.fail(missingAnswerError(nameOf(item.request)))
      else settle(item, answer)
    } catch (error) {
      item.fail(asStoreError(error, nameOf(item.request), { code: 'PROCESSING' }))
    }
  }
}
