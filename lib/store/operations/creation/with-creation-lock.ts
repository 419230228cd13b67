import { txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { existsError } from './create-rows.ts'
import type { Creation } from './creation.ts'
import { CreationLock } from './creation-lock.ts'
import { readMaster } from './stored-master.ts'

/**
 * Runs the work of a creation that is more than one atomic write, alone among all processes. Throws `TX_EXISTS`
 * where another has finished it, `TX_CREATING` where another is at it.
 */
export async function withCreationLock<Result>(
  context: StoreContext,
  { txid, records }: Creation,
  work: (lock: CreationLock) => Promise<Result>,
): Promise<Result> {
  const lock = await CreationLock.acquire(context, txid, records.pageCount + 1)
  if (lock === undefined) throw await lockedOutError(context, txid)
  try {
    return await work(lock)
  } finally {
    await lock.release()
  }
}

/** What somebody is told who finds another at work: a transaction that is whole by now is there. */
export async function lockedOutError(context: StoreContext, txid: Uint8Array): Promise<StoreError> {
  const master = await readMaster(context, txid)
  if (master !== undefined && !master.isCreating) return existsError(txid)
  return new StoreError(
    'TX_CREATING',
    `transaction ${txidToHex(txid)} is being created or pruned by another call, or one that was interrupted; repeat the call`,
  )
}
