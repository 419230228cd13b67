import { txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { BINS, pageKey } from '../../../record/index.ts'
import type { RowAnswer } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { forRows } from '../../dispatch/map-rows.ts'
import { asStoreError, rowError } from '../../store-errors.ts'
import { setDeleteAtHeights } from './delete-at-height.ts'
import { PageList, type PageOf } from './page-list.ts'
import type { RecordSignal } from './record-signal.ts'

/** The same arrays for every row: rows with equal bins are encoded once. */
const MASTER_BINS = [BINS.conflicting]
const PAGE_BINS = [BINS.spentUtxos, BINS.recordUtxos, BINS.lastSpentState]

export interface VerifiedClaims {
  readonly believed: readonly RecordSignal[]
  /** Those whose delete-at-height is taken back from the master; who looked at that before may have carried it to the pages. */
  readonly doubtful: readonly RecordSignal[]
  /** Claims that could not be judged, or not be taken back, by display-hex txid. */
  readonly failures: ReadonlyMap<string, StoreError>
}

/**
 * The count of spent pages can drift when a rollback is interrupted, so a master that says `DAHSET` is believed
 * only when its pages are fully spent; otherwise, and when they cannot be read, its delete-at-height is taken
 * back, or live outputs would be pruned (lesson 45). A conflicting one is pruned whatever is spent, and believed.
 *
 * Listens to no signal: what it takes back must not stay because a caller has gone. Each step is bounded.
 */
export async function verifyClaims(
  context: StoreContext,
  claims: readonly RecordSignal[],
): Promise<VerifiedClaims> {
  const records = new PageList(claims, ({ childCount }) => childCount, 0)
  const conflicting = new Set<RecordSignal>()
  const doubtful = new Set<RecordSignal>()
  const failures = new Map<string, StoreError>()
  await forRows(context, records, undefined, {
    toRow: ({ owner, page }) => ({
      kind: 'read',
      key: { set: context.set, userKey: pageKey(owner.txid, page) },
      bins: page === 0 ? MASTER_BINS : PAGE_BINS,
    }),
    describe: readingOf,
    read: (record, answer) => {
      const { owner: claim, page } = record
      if (page === 0 && isConflicting(answer)) conflicting.add(claim)
      if (page === 0 || isFullySpent(answer)) return
      doubtful.add(claim)
      const unreadable = readFailure(record, answer)
      if (unreadable !== undefined) failures.set(txidToHex(claim.txid), unreadable)
    },
  })
  for (const claim of conflicting) {
    doubtful.delete(claim)
    failures.delete(txidToHex(claim.txid))
  }
  for (const [hex, failure] of await takeBack(context, [...doubtful])) failures.set(hex, failure)
  return { believed: claims.filter(claim => !doubtful.has(claim)), doubtful: [...doubtful], failures }
}

/** A record of a transaction; page 0 is its master. */
type ClaimedRecord = PageOf<RecordSignal>

type Reading = RowAnswer | StoreError

function isConflicting(reading: Reading): boolean {
  return !(reading instanceof StoreError) && reading.bins?.[BINS.conflicting] === true
}

/** And will stay so: a page that says it is not all spent, though it is, is about to have an output freed. */
function isFullySpent(reading: Reading): boolean {
  if (reading instanceof StoreError) return false
  const bins = reading.bins
  const spent = bins?.[BINS.spentUtxos]
  return (
    spent !== undefined && spent === bins?.[BINS.recordUtxos] && bins[BINS.lastSpentState] !== 'NOTALLSPENT'
  )
}

function readFailure(record: ClaimedRecord, reading: Reading): StoreError | undefined {
  if (reading instanceof StoreError) return reading
  return reading.status === 0 ? undefined : rowError(readingOf(record), reading.status, reading.inDoubt)
}

function readingOf({ owner, page }: ClaimedRecord): string {
  return `reading page ${page} of ${txidToHex(owner.txid)}`
}

/** Awaited: who is told of the spend must not meet a transaction that can be pruned (semantics 3.11). */
async function takeBack(
  context: StoreContext,
  claims: readonly RecordSignal[],
): Promise<ReadonlyMap<string, StoreError>> {
  const requests = claims.map(({ txid }) => ({ txid, page: 0, deleteAtHeight: 0 }))
  const failures = await setDeleteAtHeights(context, requests, undefined).catch((error: unknown) => {
    const failure = asStoreError(error, 'taking a delete-at-height back')
    return new Map(claims.map(({ txid }) => [txidToHex(txid), failure]))
  })
  for (const { txid } of claims) {
    const hex = txidToHex(txid)
    const failure = failures.get(hex)
    if (failure === undefined) {
      context.logger.warn(
        { event: 'spent_pages_drifted', txid: hex },
        'a transaction counted as fully spent has a page that is not; its delete-at-height was taken back',
      )
    } else {
      context.logger.error(
        { event: 'spent_pages_drifted', txid: hex, err: failure },
        'a transaction with unspent outputs keeps its delete-at-height; it could not be taken back',
      )
    }
  }
  return failures
}
