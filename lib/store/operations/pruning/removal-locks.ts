import { txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { LOCK_TYPES } from '../../../record/index.ts'
import { RESULT_CODES } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { rowError } from '../../store-errors.ts'
import { lockTtlSeconds, newLockToken, releaseLockRow, takeLockRow } from '../creation/lock-rows.ts'

/**
 * The lock on a transaction's creation, as a creator takes it (semantics 1.11): while the pruner holds it nobody
 * creates the transaction anew, whose pages or body would then be removed under it.
 */
export interface RemovalLock {
  readonly txid: Uint8Array
  readonly token: string
  /** By `performance.now()`: from then on the holder changes nothing that the lock protects. */
  readonly heldUntilMs: number
}

export type LockOutcome = RemovalLock | 'busy' | StoreError

/** What may lie between a look at the clock and the change after it. */
const MARGIN_MS = 5_000

/** Takes the locks of transactions that are different; the outcomes in their order. */
export async function takeLocks(
  context: StoreContext,
  transactions: readonly { readonly txid: Uint8Array; readonly pages: number }[],
): Promise<LockOutcome[]> {
  const takenAtMs = performance.now()
  const wanted = transactions.map(({ txid, pages }) => {
    const heldUntilMs = takenAtMs + lockTtlSeconds(pages + 1) * 1_000 - MARGIN_MS
    return { txid, pages, lock: { txid, token: newLockToken(), heldUntilMs } }
  })
  const describe = ({ lock }: (typeof wanted)[number]): string =>
    `locking the creation of ${txidToHex(lock.txid)}`
  const outcomes = await mapRows(context, wanted, undefined, {
    toRow: ({ txid, pages, lock }) =>
      takeLockRow(context, { txid, token: lock.token, records: pages + 1, type: LOCK_TYPES.removal }),
    describe,
    read: (item, answer) => {
      if (answer instanceof StoreError) return answer
      if (answer.status === RESULT_CODES.OK) return item.lock
      if (answer.status === RESULT_CODES.RECORD_EXISTS && !answer.inDoubt) return 'busy'
      return rowError(describe(item), answer.status, answer.inDoubt)
    },
  })
  // They may have been taken all the same, and would lock out whoever creates the transaction.
  await releaseLocks(
    context,
    wanted.flatMap(({ lock }, index) => (outcomes[index] instanceof StoreError ? lock : [])),
  )
  return outcomes
}

/** Releases locks that are still ours; what cannot be released expires. */
export async function releaseLocks(context: StoreContext, locks: readonly RemovalLock[]): Promise<void> {
  await mapRows(context, locks, undefined, {
    toRow: ({ txid, token }) => releaseLockRow(context, txid, token),
    describe: ({ txid }) => `releasing the lock on the creation of ${txidToHex(txid)}`,
    read: () => undefined,
  })
}

export function isStillHeld({ heldUntilMs }: RemovalLock): boolean {
  return performance.now() < heldUntilMs
}
