import { txidToHex } from '../bitcoin/index.ts'
import type { StoreError } from '../errors/index.ts'
import { pageKey } from '../record/index.ts'
import { RESULT_CODES, type WriteOperation } from '../transport/index.ts'
import { mapChunks } from './map-chunks.ts'
import type { StoreContext } from './store-context.ts'
import { asStoreError, missingAnswerError, rowError } from './store-errors.ts'

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
  await mapChunks(context, pages, signal, async chunk => {
    const fail = (txid: Uint8Array, error: StoreError): void => {
      const hex = txidToHex(txid)
      if (!failures.has(hex)) failures.set(hex, error)
    }
    try {
      const answers = await context.operate(
        chunk.map(({ write, page }) => ({
          kind: 'write',
          key: { set: context.set, userKey: pageKey(write.txid, page) },
          operations: write.operations,
          exists: 'update-only',
        })),
        { signal },
      )
      for (const [index, { write, page }] of chunk.entries()) {
        const answer = answers[index]
        const what = `changing page ${page} of ${txidToHex(write.txid)}`
        if (answer === undefined) fail(write.txid, missingAnswerError(what))
        else if (answer.status !== 0 && answer.status !== RESULT_CODES.NOT_FOUND) {
          fail(write.txid, rowError(what, answer.status, answer.inDoubt))
        }
      }
    } catch (error) {
      for (const { write } of chunk)
        fail(write.txid, asStoreError(error, 'the batch failed', { code: 'STORAGE_ERROR' }))
    }
    return []
  })
  return failures
}
