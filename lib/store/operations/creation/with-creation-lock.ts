import { txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { LOCK_BINS, LOCK_TYPES, lockKey } from '../../../record/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { missingAnswerError } from '../../store-errors.ts'
import type { Creation } from './creation.ts'
import { CreationLock } from './creation-lock.ts'

/**
 * Runs the work of a creation that is more than one atomic write, alone among all processes. Throws `TX_EXISTS`
 * where another has finished it or is at it (semantics 3.4, step 2), `TX_CREATING` where it is being removed.
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

/** Whoever is told that a transaction exists must not be told so by one that is being pruned. */
async function lockedOutError(context: StoreContext, txid: Uint8Array): Promise<StoreError> {
  const key = { set: context.set, userKey: lockKey(txid) }
  const [answer] = await context.operate([{ kind: 'read', key, bins: [LOCK_BINS.lockType] }])
  if (answer === undefined) throw missingAnswerError(`looking at the lock of ${txidToHex(txid)}`)
  const what = `transaction ${txidToHex(txid)}`
  return answer.bins?.[LOCK_BINS.lockType] === LOCK_TYPES.removal
    ? new StoreError(
        'TX_CREATING',
        `${what} is being pruned, or was when its pruner stopped; repeat the call`,
      )
    : new StoreError('TX_EXISTS', `${what} exists already, or is being created by another call`)
}
