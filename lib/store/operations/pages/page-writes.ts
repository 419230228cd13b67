import { txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { pageKey } from '../../../record/index.ts'
import { RESULT_CODES, type RowAnswer, type WriteOperation } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { forRows } from '../../dispatch/map-rows.ts'
import { rowError } from '../../store-errors.ts'
import { PageList, type PageOf } from './page-list.ts'

/** The same change on every page of a transaction. */
export interface PageWrite {
  readonly txid: Uint8Array
  /** Pages 1 to `pages`. */
  readonly pages: number
  readonly operations: readonly WriteOperation[]
}

/**
 * Carries changes of master records to their pages, all of them together in few batches. Update-only: a page
 * that was pruned stays gone, instead of coming back as a skeleton (lesson 68). Returns the first failure of
 * each transaction, by display-hex txid.
 */
export async function writePages(
  context: StoreContext,
  writes: readonly PageWrite[],
  signal: AbortSignal | undefined,
): Promise<Map<string, StoreError>> {
  const failures = new Map<string, StoreError>()
  const pages = new PageList(writes, write => write.pages)
  await forRows(context, pages, signal, {
    toRow: ({ owner, page }) => ({
      kind: 'write',
      key: { set: context.set, userKey: pageKey(owner.txid, page) },
      operations: owner.operations,
      exists: 'update-only',
    }),
    describe: nameOf,
    read: (page, answer) => {
      const failure = failureOf(page, answer)
      if (failure === undefined) return
      const hex = txidToHex(page.owner.txid)
      if (!failures.has(hex)) failures.set(hex, failure)
    },
  })
  return failures
}

function failureOf(page: PageOf<PageWrite>, answer: RowAnswer | StoreError): StoreError | undefined {
  if (answer instanceof StoreError) return answer
  if (answer.status === RESULT_CODES.OK || answer.status === RESULT_CODES.NOT_FOUND) return undefined
  return rowError(nameOf(page), answer.status, answer.inDoubt)
}

function nameOf({ owner, page }: PageOf<PageWrite>): string {
  return `changing page ${page} of ${txidToHex(owner.txid)}`
}
