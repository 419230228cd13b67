import { txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { pageKey } from '../../../record/index.ts'
import { RESULT_CODES, type WriteOperation } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { rowError } from '../../store-errors.ts'

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
  const pages = writes.flatMap(write =>
    Array.from({ length: write.pages }, (_, page) => ({ write, page: page + 1 })),
  )
  const what = ({ write, page }: { write: PageWrite; page: number }) =>
    `changing page ${page} of ${txidToHex(write.txid)}`
  const outcomes = await mapRows(context, pages, signal, {
    toRow: ({ write, page }) => ({
      kind: 'write',
      key: { set: context.set, userKey: pageKey(write.txid, page) },
      operations: write.operations,
      exists: 'update-only',
    }),
    describe: what,
    read: (page, answer) => {
      if (answer instanceof StoreError) return answer
      if (answer.status === RESULT_CODES.OK || answer.status === RESULT_CODES.NOT_FOUND) return undefined
      return rowError(what(page), answer.status, answer.inDoubt)
    },
  })
  for (const [index, { write }] of pages.entries()) {
    const failure = outcomes[index]
    const hex = txidToHex(write.txid)
    if (failure !== undefined && !failures.has(hex)) failures.set(hex, failure)
  }
  return failures
}
