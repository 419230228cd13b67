import { txidToHex } from '../../../bitcoin/index.ts'
import type { StoreError } from '../../../errors/index.ts'
import { BINS, heightAfter } from '../../../record/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { asStoreError } from '../../store-errors.ts'
import { alignWithMasters } from './align-with-masters.ts'
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

/**
 * An unspend may have taken a master's delete-at-height away meanwhile, and its own visit to the pages may have come before
 * ours: a page that kept one would be pruned from under a live transaction (lesson 47). A later one of the master's goes to
 * the pages, too; who claims that takes it from them again where it proves false.
 */
export function alignPages(
  context: StoreContext,
  written: readonly PageHeights[],
): Promise<Map<string, StoreError>> {
  return alignWithMasters(context, written, {
    bin: BINS.deleteAtHeight,
    name: 'delete-at-height',
    follow: (entry, value) => {
      const deleteAtHeight = Number(value ?? 0)
      return deleteAtHeight === entry.deleteAtHeight ? undefined : { ...entry, deleteAtHeight }
    },
    write: heights => setDeleteAtHeights(context, pageRequests(heights), undefined),
  })
}
