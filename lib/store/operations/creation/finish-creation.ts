import { txidKey, txidToHex } from '../../../bitcoin/index.ts'
import { BINS, pageCountOf, pageKey } from '../../../record/index.ts'
import { RESULT_CODES } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { sendBounded } from '../../dispatch/send-bounded.ts'
import { rowError } from '../../store-errors.ts'
import { uniqueTxids } from '../../txids.ts'
import { SMALL_ROW_BYTES } from '../pages/row-size.ts'
import { SpendError } from '../spending/spend.ts'
import { clearMarks, noteRepair } from './clear-marks.ts'
import { CreationLock } from './creation-lock.ts'
import { readMaster } from './stored-master.ts'

/** The others are met again when the spend is repeated. */
const FINISHED_AT_A_TIME_MAX = 16

/**
 * Finishes creations that spends have met. A creator, or a block, that died on its way can leave marks on records
 * that are all there, and nobody might ever create the transaction again: then its outputs could never be spent.
 */
export class CreationFinisher {
  readonly #context: StoreContext
  /** Many spends meet the same transaction at a time; by txid. */
  readonly #running = new Map<string, Promise<void>>()

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** After a spend that failed: finishes the creations that it met and whose creator is gone. Never rejects. */
  async finishMet(error: unknown): Promise<void> {
    if (!(error instanceof SpendError)) return
    const txids = uniqueTxids(error.spends.filter(isCreating).map(({ txid }) => txid))
    await Promise.all(txids.slice(0, FINISHED_AT_A_TIME_MAX).map(txid => this.#finish(txid)))
  }

  #finish(txid: Uint8Array): Promise<void> {
    const id = txidKey(txid)
    const running = this.#running.get(id) ?? this.#run(txid).finally(() => this.#running.delete(id))
    this.#running.set(id, running)
    return running
  }

  /** Never throws: the spend has its error, and whoever meets the transaction next tries again. */
  async #run(txid: Uint8Array): Promise<void> {
    try {
      await finishCreation(this.#context, txid)
    } catch (error) {
      this.#context.logger.warn(
        { event: 'creation_unfinished', txid: txidToHex(txid), err: error },
        'the marks of a creation could not be cleared; its outputs cannot be spent until they are',
      )
    }
  }
}

function isCreating({ error }: { error: { code: string } | undefined }): boolean {
  return error?.code === 'TX_CREATING'
}

/**
 * Takes the marks of a transaction whose creator does not hold its lock any more, if every record is there.
 * Otherwise only a create can go on.
 */
async function finishCreation(context: StoreContext, txid: Uint8Array): Promise<void> {
  if ((await readMaster(context, txid)) === undefined) return
  const lock = await CreationLock.acquire(context, txid, 1)
  if (lock === undefined) return
  try {
    // Once more: whoever had the lock may have removed or finished it.
    const master = await readMaster(context, txid)
    const pageCount = pageCountOf(master?.bins.get(BINS.totalExtraRecs)) ?? 0
    if (master === undefined || pageCount === 0) return
    await expectEveryPage(context, txid, pageCount)
    noteRepair(context, txid, 'marks')
    await clearMarks(context, lock, { txid, pageCount, master })
  } finally {
    await lock.release()
  }
}

/** We write the master last; the reference writes all records in one batch, of which any part may be missing. */
function expectEveryPage(context: StoreContext, txid: Uint8Array, pageCount: number): Promise<void> {
  const describe = (index: number): string => `looking for page ${index + 1} of ${txidToHex(txid)}`
  return sendBounded(context, {
    rows: pageCount,
    rowBytes: SMALL_ROW_BYTES,
    toRow: index => ({
      kind: 'read',
      key: { set: context.set, userKey: pageKey(txid, index + 1) },
      bins: [],
    }),
    read: (index, { status }) => {
      if (status !== RESULT_CODES.OK) throw rowError(describe(index), status, false)
    },
    describe,
  })
}
