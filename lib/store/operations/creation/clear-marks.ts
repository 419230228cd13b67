import { isDeepStrictEqual } from 'node:util'
import { txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { BINS, pageKey } from '../../../record/index.ts'
import { type BatchRow, RESULT_CODES, type RowAnswer, type WriteOperation } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { sendBounded } from '../../dispatch/send-bounded.ts'
import { rowError } from '../../store-errors.ts'
import { SMALL_ROW_BYTES } from '../pages/row-size.ts'
import type { CreationLock } from './creation-lock.ts'
import { readMaster, type StoredMaster } from './stored-master.ts'

/** A transaction of which every record is there. */
export interface MarkedTransaction {
  readonly txid: Uint8Array
  readonly pageCount: number
  /** Where records come from more than one call: whose flags all of them get. */
  readonly master: StoredMaster | undefined
}

/**
 * Takes the mark of an unfinished creation from all records, the pages first and the master last: without it, the
 * master says that the transaction is complete. Records without it are left as they are. Throws where a record
 * is missing.
 */
export async function clearMarks(
  context: StoreContext,
  lock: CreationLock,
  { txid, pageCount, master }: MarkedTransaction,
): Promise<void> {
  const clear = (page: number, others: readonly WriteOperation[]): BatchRow => ({
    kind: 'write',
    key: { set: context.set, userKey: pageKey(txid, page) },
    operations: [...others, { kind: 'unset', bin: BINS.creating }],
    exists: 'update-only',
    filter: { binExists: BINS.creating },
  })
  const describe = (page: number): string => `completing record ${page} of ${txidToHex(txid)}`
  const judge = (page: number, { status, inDoubt }: RowAnswer): void => {
    if (status !== RESULT_CODES.OK && status !== RESULT_CODES.FILTERED_OUT)
      throw rowError(describe(page), status, inDoubt)
  }
  await sendBounded(context, {
    rows: pageCount,
    rowBytes: SMALL_ROW_BYTES,
    toRow: index => clear(index + 1, flagsOf(master)),
    read: (index, answer) => judge(index + 1, answer),
    describe: index => describe(index + 1),
    beforeBatch: () => lock.hold(),
  })
  if (master !== undefined) await followMaster(context, lock, { txid, pageCount, master })
  await sendBounded(context, {
    rows: 1,
    rowBytes: SMALL_ROW_BYTES,
    toRow: () => clear(0, []),
    read: (_, answer) => judge(0, answer),
    describe: () => describe(0),
  })
}

const FOLLOWED_MAX = 5

/**
 * Who changed a flag while the pages were being written has changed the pages, too, and perhaps before we wrote
 * the older flag to them. Whoever changes it from now on changes them after us.
 */
async function followMaster(
  context: StoreContext,
  lock: CreationLock,
  { txid, pageCount, master }: MarkedTransaction & { readonly master: StoredMaster },
): Promise<void> {
  let written = flagsOf(master)
  for (let round = 0; round < FOLLOWED_MAX; round++) {
    const now = await readMaster(context, txid)
    if (now === undefined) return
    const flags = flagsOf(now)
    if (isDeepStrictEqual(flags, written)) return
    // A flag that the master has no more is taken from the pages, too.
    const changes = SHARED_FLAGS.map(
      (bin): WriteOperation => flags.find(flag => flag.bin === bin) ?? { kind: 'unset', bin },
    )
    written = flags
    const describe = (index: number): string => `completing record ${index + 1} of ${txidToHex(txid)}`
    await sendBounded(context, {
      rows: pageCount,
      rowBytes: SMALL_ROW_BYTES,
      toRow: index => ({
        kind: 'write',
        key: { set: context.set, userKey: pageKey(txid, index + 1) },
        operations: changes,
        exists: 'update-only',
      }),
      read: (index, { status, inDoubt }) => {
        if (status !== RESULT_CODES.OK) throw rowError(describe(index), status, inDoubt)
      },
      describe,
      beforeBatch: () => lock.hold(),
    })
  }
  throw new StoreError('TX_CREATING', `the flags of ${txidToHex(txid)} change all the time; repeat the call`)
}

/**
 * Flags that have to be the same on every record of a transaction. An interrupted call may have been made with
 * other options than the one that completes it; whichever wrote the master decides.
 */
const SHARED_FLAGS = [BINS.locked, BINS.conflicting, BINS.spendingHeight] as const

function flagsOf(master: StoredMaster | undefined): WriteOperation[] {
  return SHARED_FLAGS.flatMap((bin): WriteOperation[] => {
    const value = master?.bins.get(bin)
    return value === undefined ? [] : [{ kind: 'put', bin, value }]
  })
}

/** Tells operators that an interrupted creation was met: records were missing, or only marks were left. */
export function noteRepair(context: StoreContext, txid: Uint8Array, repaired: 'records' | 'marks'): void {
  context.metrics.creationRepairs.increment({ repaired })
  context.logger.info(
    { event: 'creation_repaired', repaired, txid: txidToHex(txid) },
    'a transaction whose creation was interrupted is being completed',
  )
}
