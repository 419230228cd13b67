import type { BatchHandler } from '../../../batching/index.ts'
import { txidToHex } from '../../../bitcoin/index.ts'
import { InvalidArgumentError, StoreError } from '../../../errors/index.ts'
import { BINS, isPageCount, PAGES_MAX, pageKey } from '../../../record/index.ts'
import { RESULT_CODES } from '../../../transport/index.ts'
import type { DeleteAtHeightRequest } from '../../context/follow-up-pools.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { dispatchRows } from '../../dispatch/dispatch-rows.ts'
import { forChunks, type Sliceable } from '../../dispatch/map-chunks.ts'
import { queueShare } from '../../dispatch/queue-share.ts'
import { asStoreError, rowError } from '../../store-errors.ts'
import { PageList } from './page-list.ts'

/**
 * Writes a batch of delete-at-heights. Update-only: a page that was pruned stays gone, instead of coming back as
 * a skeleton (lesson 68). "None" is the absence of the bin; the reference writes 4294967295 (semantics 3.11).
 */
export function setDeleteAtHeightHandler(context: StoreContext): BatchHandler<DeleteAtHeightRequest, void> {
  const bin = BINS.deleteAtHeight
  return items =>
    dispatchRows(context, items, {
      toRow: ({ txid, page, deleteAtHeight }) => ({
        kind: 'write',
        key: { set: context.set, userKey: pageKey(txid, page) },
        operations: [
          deleteAtHeight === 0 ? { kind: 'unset', bin } : { kind: 'put', bin, value: deleteAtHeight },
        ],
        exists: 'update-only',
      }),
      describe: nameOf,
      settle: (item, answer) => {
        const { status, inDoubt } = answer
        if (status === RESULT_CODES.OK || status === RESULT_CODES.NOT_FOUND) item.succeed()
        else item.fail(rowError(nameOf(item.request), status, inDoubt))
      },
    })
}

function nameOf({ txid, page }: DeleteAtHeightRequest): string {
  return `setting the delete-at-height of record ${page} of ${txidToHex(txid)}`
}

/** A delete-at-height for all pages of a transaction. */
export interface PageHeights {
  readonly txid: Uint8Array
  /** Pages 1 to `pages`. */
  readonly pages: number
  /** 0 takes the delete-at-height away. */
  readonly deleteAtHeight: number
}

/** One request for each page. */
export function pageRequests(transactions: readonly PageHeights[]): Sliceable<DeleteAtHeightRequest> {
  const list = new PageList(transactions, ({ pages }) => pages)
  return {
    length: list.length,
    slice: (from, to) =>
      list.slice(from, to).map(({ owner: { txid, deleteAtHeight }, page }) => ({
        txid,
        page,
        deleteAtHeight,
      })),
  }
}

/**
 * Puts requests into the pool and waits for all of them. Returns the first failure of each transaction, by
 * display-hex txid; throws only where the wait itself ended early.
 */
export async function setDeleteAtHeights(
  context: StoreContext,
  requests: Sliceable<DeleteAtHeightRequest>,
  signal: AbortSignal | undefined,
): Promise<Map<string, StoreError>> {
  const failures = new Map<string, StoreError>()
  const pool = context.followUps.setDAH
  await forChunks(requests, { ...queueShare(context, pool), signal }, async chunk => {
    const outcomes = await pool.submitGroup(chunk, { signal })
    for (const [index, outcome] of outcomes.entries()) {
      const request = chunk[index]
      if (outcome.status === 'fulfilled' || request === undefined) continue
      const hex = txidToHex(request.txid)
      if (!failures.has(hex)) failures.set(hex, asStoreError(outcome.reason, nameOf(request)))
    }
  })
  return failures
}

/** Writes the delete-at-height of a transaction's pages 1 to `pages`, or takes it away with 0 (semantics 3.11). */
export async function setDeleteAtHeightForChildRecords(
  context: StoreContext,
  txid: Uint8Array,
  pages: number,
  deleteAtHeight: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const requests = pageRequests([{ txid, pages, deleteAtHeight }])
  const [failure] = (await setDeleteAtHeights(context, requests, signal)).values()
  if (failure === undefined) return
  throw new StoreError(
    'STORAGE_ERROR',
    `the delete-at-height of pages of ${txidToHex(txid)} could not be set: ${failure.message}`,
    { cause: failure },
  )
}

export function checkPageCount(field: string, pages: number): void {
  if (!isPageCount(pages))
    throw new InvalidArgumentError(field, `a whole number from 0 to ${PAGES_MAX}`, pages)
}
