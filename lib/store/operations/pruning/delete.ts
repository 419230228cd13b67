import { txidToHex } from '../../../bitcoin/index.ts'
import { BINS, decodeMetadata, masterKey, pageKey } from '../../../record/index.ts'
import { RESULT_CODES } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { forRows } from '../../dispatch/map-rows.ts'
import { FailureTally } from '../../failure-tally.ts'
import { missingAnswerError, rowError } from '../../store-errors.ts'
import { PageList } from '../pages/page-list.ts'

/** Removes the master record of a transaction; a missing one is fine (semantics 3.12). */
export async function deleteTransaction(
  context: StoreContext,
  txid: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<void> {
  const what = `deleting ${txidToHex(txid)}`
  const [answer] = await context.operate(
    [{ kind: 'remove', key: { set: context.set, userKey: masterKey(txid) } }],
    {
      signal,
      timeoutMs: context.settings.dbTimeoutDuration,
    },
  )
  if (answer === undefined) throw missingAnswerError(what)
  if (answer.status !== 0 && answer.status !== RESULT_CODES.NOT_FOUND)
    throw rowError(what, answer.status, answer.inDoubt)
}

/**
 * Removes everything of a transaction: its pages, its bodies in the external store, and its master last, which
 * knows how many pages there are: interrupted anywhere, the same call again goes on (semantics 3.12). A missing
 * transaction is fine.
 */
export async function deleteComplete(
  context: StoreContext,
  txid: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<void> {
  const pages = await pageCount(context, txid, signal)
  if (pages === undefined) return
  const failures = new FailureTally()
  const describe = ({ page }: { page: number }): string => `deleting page ${page} of ${txidToHex(txid)}`
  await forRows(context, new PageList([pages], count => count), signal, {
    toRow: ({ page }) => ({ kind: 'remove', key: { set: context.set, userKey: pageKey(txid, page) } }),
    describe,
    read: (page, answer) => {
      if (answer instanceof Error) failures.add(answer)
      else if (answer.status !== RESULT_CODES.OK && answer.status !== RESULT_CODES.NOT_FOUND)
        failures.add(rowError(describe(page), answer.status, answer.inDoubt))
    },
  })
  failures.throwIfAny(pages, `pages of ${txidToHex(txid)} could not be deleted`)
  for (const type of ['tx', 'outputs'] as const) await context.external.delete(txidToHex(txid), type)
  await deleteTransaction(context, txid, signal)
}

/** Undefined where there is no master. */
async function pageCount(
  context: StoreContext,
  txid: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  const what = `reading ${txidToHex(txid)}`
  const [answer] = await context.operate(
    [{ kind: 'read', key: { set: context.set, userKey: masterKey(txid) }, bins: [BINS.totalExtraRecs] }],
    { signal },
  )
  if (answer === undefined) throw missingAnswerError(what)
  if (answer.status === RESULT_CODES.NOT_FOUND) return undefined
  if (answer.status !== RESULT_CODES.OK) throw rowError(what, answer.status, false)
  return decodeMetadata(answer.bins ?? {}, ['totalExtraRecs']).totalExtraRecs ?? 0
}
