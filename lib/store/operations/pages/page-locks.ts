import { txidKey, txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { BINS, masterKey } from '../../../record/index.ts'
import { RESULT_CODES, type RowAnswer } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { asStoreError, rowError } from '../../store-errors.ts'
import { type PageWrite, writePages } from './page-writes.ts'

/** What the pages of a transaction say of its lock. */
export interface PageLock {
  readonly txid: Uint8Array
  readonly pages: number
  readonly locked: boolean
}

/** A locked transaction is not pruned: the lock takes the delete-at-height away, on the pages as well. */
export function pageLockWrite({ txid, pages, locked }: PageLock): PageWrite {
  const lock = { kind: 'put', bin: BINS.locked, value: locked } as const
  return { txid, pages, operations: locked ? [lock, { kind: 'unset', bin: BINS.deleteAtHeight }] : [lock] }
}

/** Whoever changes a lock writes to the pages in turn, and looks again as well; so often one does. */
const LOOKS_MAX = 8
const RESTLESS = `a master had another lock at each of ${LOOKS_MAX} looks, and its pages may have an older one`

/**
 * Looks at the masters once more after their pages were written, until both agree. Of two that change a lock at the same
 * time one may be the later at the master and the earlier at the pages: a page would then be spent under a lock, or stay
 * locked for good. Returns the failures by display-hex txid; never throws.
 */
export async function alignLocks(
  context: StoreContext,
  written: readonly PageLock[],
): Promise<Map<string, StoreError>> {
  let latest = [...new Map(written.map(entry => [txidKey(entry.txid), entry])).values()]
  const failures = new Map<string, StoreError>()
  try {
    for (let look = 1; latest.length > 0 && look <= LOOKS_MAX; look++) {
      const others = await mapRows(context, latest, undefined, {
        toRow: ({ txid }) => ({
          kind: 'read',
          key: { set: context.set, userKey: masterKey(txid) },
          bins: [BINS.locked],
        }),
        describe: readingOf,
        read: (entry, answer) => otherLock(entry, answer, failures),
      })
      latest = others.flat()
      if (latest.length === 0) break
      for (const [txid, error] of await writePages(context, latest.map(pageLockWrite), undefined))
        failures.set(txid, error)
    }
    for (const { txid } of latest) failures.set(txidToHex(txid), new StoreError('STORAGE_ERROR', RESTLESS))
  } catch (error) {
    const failure = asStoreError(error, 'aligning the locks of pages', { code: 'STORAGE_ERROR' })
    for (const { txid } of latest) failures.set(txidToHex(txid), failure)
  }
  return failures
}

function readingOf({ txid }: PageLock): string {
  return `reading the lock of ${txidToHex(txid)}`
}

/** What has to be written to the pages of a master whose lock is another by now. */
function otherLock(
  entry: PageLock,
  answer: RowAnswer | StoreError,
  failures: Map<string, StoreError>,
): PageLock[] {
  const fail = (error: StoreError): PageLock[] => {
    failures.set(txidToHex(entry.txid), error)
    return []
  }
  if (answer instanceof StoreError) return fail(answer)
  if (answer.status === RESULT_CODES.NOT_FOUND) return []
  if (answer.status !== RESULT_CODES.OK) return fail(rowError(readingOf(entry), answer.status, false))
  const locked = answer.bins?.[BINS.locked] === true
  return locked === entry.locked ? [] : [{ ...entry, locked }]
}
