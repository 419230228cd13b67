import { txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { BINS, binValue, pageKey } from '../../../record/index.ts'
import { RESULT_CODES, type RowAnswer } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { sendBounded } from '../../dispatch/send-bounded.ts'
import { rowError } from '../../store-errors.ts'
import { SMALL_ROW_BYTES, slotsRowBytes } from '../pages/row-size.ts'
import { clearMarks, noteRepair } from './clear-marks.ts'
import { createError, existsError } from './create-errors.ts'
import { createRow } from './create-rows.ts'
import { type Creation, storeBody, withExternalPlace } from './creation.ts'
import type { CreationLock } from './creation-lock.ts'
import { masterFailure } from './master-failure.ts'
import { describeMaster, readMaster, type StoredMaster } from './stored-master.ts'
import { withCreationLock } from './with-creation-lock.ts'

/**
 * Stores a transaction of several records (semantics 1.11, 3.4). In the first phase all of them are written,
 * marked as creating, so that no output can be spent; the pages before the master, so that a master proves that
 * every page is there. In the second phase the mark is taken from the pages and last from the master, which
 * then says that the transaction is complete.
 *
 * Interrupted anywhere, the same call again finishes it: what is there is kept, what is missing is written.
 * Once the lock is held the work goes on without its caller, whom the signal has released.
 *
 * Throws `TX_EXISTS` when every record was there already, and while another creates the transaction, or has died
 * doing so and still holds the lock; `TX_CREATING` while another removes it.
 */
export function createInPhases(
  context: StoreContext,
  creation: Creation,
  signal: AbortSignal | undefined,
): Promise<void> {
  return withExternalPlace(context, signal, () =>
    withCreationLock(context, creation, lock => createLocked(context, creation, lock)),
  )
}

async function createLocked(context: StoreContext, creation: Creation, lock: CreationLock): Promise<void> {
  const { txid, records } = creation
  const found = await readMaster(context, txid)
  if (found !== undefined) refuseUnlike(creation, found)
  await storeBody(context, creation)
  const created = await writeRecords(context, creation, lock, found)
  const isRepair = created <= records.pageCount
  if (isRepair) noteRepair(context, txid, created === 0 ? 'marks' : 'records')
  try {
    const master = isRepair ? await readMaster(context, txid) : undefined
    await clearMarks(context, lock, { txid, pageCount: records.pageCount, master })
  } catch (error) {
    if (created === 0) throw error
    // Every record is there, and refuses spends: the create has succeeded, and a later one or a block clears the marks.
    context.metrics.followUpFailures.increment({ follow_up: 'creating' })
    context.logger.error(
      { event: 'creation_unfinished', txid: txidToHex(txid), err: error },
      'the marks of a creation could not be cleared; its outputs cannot be spent until they are',
    )
  }
  if (created === 0) throw existsError(txid)
}

/** A master that is complete must not get pages that it does not know of, nor one that counts others. */
function refuseUnlike({ txid, records }: Creation, found: StoredMaster): void {
  if (!found.isCreating) throw existsError(txid)
  const master = records.master()
  const ours = describeMaster(bin => binValue(master, bin))
  const theirs = describeMaster(bin => found.bins.get(bin))
  if (ours === theirs) return
  throw new StoreError(
    'STORAGE_ERROR',
    `transaction ${txidToHex(txid)} was begun in another form (${theirs}) than that of this call (${ours})`,
  )
}

/** Returns how many records were not there before. */
async function writeRecords(
  context: StoreContext,
  creation: Creation,
  lock: CreationLock,
  found: StoredMaster | undefined,
): Promise<number> {
  const { txid, records } = creation
  const existing: number[] = []
  let created = 0
  const note = (page: number, { status, inDoubt }: RowAnswer): void => {
    if (status === RESULT_CODES.OK) created += 1
    else if (status === RESULT_CODES.RECORD_EXISTS) {
      existing.push(page)
      // Nobody else writes under the lock: what was not there has been written by an attempt whose answer was lost.
      if (inDoubt && found === undefined) created += 1
    } else throw createError(txid, status, inDoubt)
  }
  await sendBounded(context, {
    rows: records.pageCount,
    rowBytes: slotsRowBytes(context.settings),
    toRow: index => createRow(context, pageKey(txid, index + 1), records.page(index + 1)),
    read: (index, answer) => note(index + 1, answer),
    describe: index => `creating page ${index + 1} of ${txidToHex(txid)}`,
    beforeBatch: () => lock.hold(),
  })
  if (found === undefined && existing.length > 0) await refuseLeftOver(context, txid, existing)
  await lock.hold()
  creation.mayExist = true
  try {
    await sendBounded(context, {
      rows: 1,
      rowBytes: slotsRowBytes(context.settings),
      toRow: () => createRow(context, pageKey(txid, 0), records.master()),
      read: (_, answer) => note(0, answer),
      describe: () => `creating ${txidToHex(txid)}`,
    })
  } catch (error) {
    throw masterFailure(creation, error)
  }
  return created
}

/**
 * Pages of an interrupted creation are marked. Others, without a master, were left over when the transaction was
 * deleted: they hold old spends, and whoever prunes them would take live outputs along.
 */
async function refuseLeftOver(
  context: StoreContext,
  txid: Uint8Array,
  pages: readonly number[],
): Promise<void> {
  const unmarked: number[] = []
  const pageOf = (index: number): number => pages[index] as number // an index of these very pages
  const describe = (index: number): string => `reading page ${pageOf(index)} of ${txidToHex(txid)}`
  await sendBounded(context, {
    rows: pages.length,
    rowBytes: SMALL_ROW_BYTES,
    toRow: index => ({
      kind: 'read',
      key: { set: context.set, userKey: pageKey(txid, pageOf(index)) },
      bins: [BINS.creating],
    }),
    read: (index, { status, bins }) => {
      if (status !== RESULT_CODES.OK) throw rowError(describe(index), status, false)
      if (bins?.[BINS.creating] !== true) unmarked.push(pageOf(index))
    },
    describe,
  })
  const [page] = unmarked
  if (page === undefined) return
  // A creator that does not know our lock may have finished meanwhile.
  if ((await readMaster(context, txid)) !== undefined) throw existsError(txid)
  throw new StoreError(
    'STORAGE_ERROR',
    `page ${page} of ${txidToHex(txid)} is left over from a transaction that was deleted; it has to be pruned before the transaction can be stored again`,
  )
}
