import { txidKey, txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { BINS, heightAfter, masterKey } from '../../../record/index.ts'
import { RESULT_CODES, type RowAnswer } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { asStoreError, rowError } from '../../store-errors.ts'
import { type PageHeights, pageRequests, setDeleteAtHeights } from './delete-at-height.ts'
import type { RecordSignal } from './record-signal.ts'
import { verifyClaims } from './spent-pages.ts'

/** A master whose pages have to follow it. */
export interface PagedTransaction {
  readonly txid: Uint8Array
  readonly pages: number
}

/**
 * Carries the delete-at-height of masters to their pages, as their signals `DAHSET` and `DAHUNSET` ask for, and
 * passes other signals over. Returns the failures by display-hex txid; never throws.
 */
export async function carryDeleteAtHeights(
  context: StoreContext,
  signals: readonly RecordSignal[],
): Promise<Map<string, StoreError>> {
  const ofMasters = signals.filter(({ childCount }) => childCount > 0)
  const set = ofMasters.filter(({ signal }) => signal === 'DAHSET')
  const unset = ofMasters.filter(({ signal }) => signal === 'DAHUNSET')
  const failures = new Map<string, StoreError>()
  if (set.length === 0 && unset.length === 0) return failures
  try {
    const verified = await verifyClaims(context, set)
    for (const [txid, error] of verified.failures) failures.set(txid, error)
    const taken = [...unset, ...verified.doubtful].map(({ txid, childCount }) => ({
      txid,
      pages: childCount,
      deleteAtHeight: 0,
    }))
    const written = verified.believed.map(({ txid, childCount, height }) => ({
      txid,
      pages: childCount,
      deleteAtHeight: heightAfter(height, context.retention),
    }))
    const requests = pageRequests([...taken, ...written])
    for (const [txid, error] of await setDeleteAtHeights(context, requests, undefined))
      failures.set(txid, error)
    for (const [txid, error] of await alignPages(context, written)) failures.set(txid, error)
  } catch (error) {
    const failure = asStoreError(error, 'carrying a delete-at-height to pages', { code: 'STORAGE_ERROR' })
    for (const { txid } of [...set, ...unset]) failures.set(txidToHex(txid), failure)
  }
  return failures
}

/** Whoever changes a master writes to its pages in turn, and looks again as well; so often one does. */
const LOOKS_MAX = 8
const RESTLESS = `a master had another delete-at-height at each of ${LOOKS_MAX} looks, and its pages may have an older one`

/**
 * Looks at the masters once more after their pages have got a delete-at-height, until both agree. An unspend may have
 * taken the master's away meanwhile, and its own visit to the pages may have come before ours: a page that kept one would
 * be pruned from under a live transaction (lesson 47). A later one of the master's goes to the pages, too; who claims that
 * takes it from them again where it proves false.
 */
export async function alignPages(
  context: StoreContext,
  written: readonly PageHeights[],
): Promise<Map<string, StoreError>> {
  let latest = [...new Map(written.map(entry => [txidKey(entry.txid), entry])).values()]
  const failures = new Map<string, StoreError>()
  try {
    for (let look = 1; latest.length > 0 && look <= LOOKS_MAX; look++) {
      const changes = await mapRows(context, latest, undefined, {
        toRow: ({ txid }) => ({
          kind: 'read',
          key: { set: context.set, userKey: masterKey(txid) },
          bins: [BINS.deleteAtHeight],
        }),
        describe: readingOf,
        read: (entry, answer) => misaligned(entry, answer, failures),
      })
      latest = changes.flat()
      for (const [txid, error] of await setDeleteAtHeights(context, pageRequests(latest), undefined))
        failures.set(txid, error)
    }
    for (const { txid } of latest) failures.set(txidToHex(txid), new StoreError('STORAGE_ERROR', RESTLESS))
  } catch (error) {
    const failure = asStoreError(error, 'aligning pages with their master', { code: 'STORAGE_ERROR' })
    for (const { txid } of latest) failures.set(txidToHex(txid), failure)
  }
  return failures
}

function readingOf({ txid }: PageHeights): string {
  return `reading the delete-at-height of ${txidToHex(txid)}`
}

/** What has to be written to the pages of a master that has another delete-at-height by now. */
function misaligned(
  entry: PageHeights,
  answer: RowAnswer | StoreError,
  failures: Map<string, StoreError>,
): PageHeights[] {
  const { txid, pages, deleteAtHeight } = entry
  const fail = (error: StoreError): PageHeights[] => {
    failures.set(txidToHex(txid), error)
    return []
  }
  if (answer instanceof StoreError) return fail(answer)
  if (answer.status === RESULT_CODES.NOT_FOUND) return []
  if (answer.status !== RESULT_CODES.OK) return fail(rowError(readingOf(entry), answer.status, false))
  const current = Number(answer.bins?.[BINS.deleteAtHeight] ?? 0)
  return current === deleteAtHeight ? [] : [{ txid, pages, deleteAtHeight: current }]
}
