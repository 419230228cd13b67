import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { lockKey } from '../../../record/index.ts'
import { type BatchRow, RESULT_CODES } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { rowError } from '../../store-errors.ts'

/**
 * The lock on a transaction's creation, as a creator takes it (semantics 1.11): while the pruner holds it nobody
 * creates the transaction anew, whose pages or body would then be removed under it.
 */
export interface CreationLock {
  readonly txid: Uint8Array
  readonly token: string
  /** By `performance.now()`: from then on the holder changes nothing that the lock protects. */
  readonly heldUntilMs: number
}

export type LockOutcome = CreationLock | 'busy' | StoreError

const TTL_SECONDS_MIN = 30
const TTL_SECONDS_MAX = 300
/** What may lie between a look at the clock and the change after it. */
const MARGIN_MS = 5_000

/** Takes the locks of transactions that are different; the outcomes in their order. */
export async function takeLocks(
  context: StoreContext,
  transactions: readonly { readonly txid: Uint8Array; readonly pages: number }[],
): Promise<LockOutcome[]> {
  const takenAtMs = performance.now()
  const wanted = transactions.map(({ txid, pages }) => {
    const ttlSeconds = Math.min(TTL_SECONDS_MIN + 2 * (pages + 1), TTL_SECONDS_MAX)
    const token = randomBytes(16).toString('hex')
    return {
      txid,
      pages,
      ttlSeconds,
      lock: { txid, token, heldUntilMs: takenAtMs + ttlSeconds * 1_000 - MARGIN_MS },
    }
  })
  const describe = ({ lock }: (typeof wanted)[number]): string =>
    `locking the creation of ${txidToHex(lock.txid)}`
  return mapRows(context, wanted, undefined, {
    toRow: ({ txid, pages, ttlSeconds, lock }): BatchRow => ({
      kind: 'write',
      key: { set: context.set, userKey: lockKey(txid) },
      operations: [
        { kind: 'put', bin: 'created_at', value: Math.floor(Date.now() / 1_000) },
        { kind: 'put', bin: 'lock_type', value: 'tx_creation' },
        { kind: 'put', bin: 'process_id', value: process.pid },
        { kind: 'put', bin: 'hostname', value: hostname() },
        { kind: 'put', bin: 'expected_recs', value: pages + 1 },
        { kind: 'put', bin: LOCK_TOKEN, value: lock.token },
      ],
      exists: 'create-only',
      ttlSeconds,
    }),
    describe,
    read: (item, answer) => {
      if (answer instanceof StoreError) return answer
      if (answer.status === RESULT_CODES.OK) return item.lock
      if (answer.status === RESULT_CODES.RECORD_EXISTS) return 'busy'
      return rowError(describe(item), answer.status, answer.inDoubt)
    },
  })
}

const LOCK_TOKEN = 'lock_token'

/** Releases locks that are still ours; what cannot be released expires. */
export async function releaseLocks(context: StoreContext, locks: readonly CreationLock[]): Promise<void> {
  await mapRows(context, locks, undefined, {
    toRow: ({ txid, token }) => ({
      kind: 'remove',
      key: { set: context.set, userKey: lockKey(txid) },
      filter: {
        and: [{ binExists: LOCK_TOKEN }, { compare: 'eq', left: { stringBin: LOCK_TOKEN }, right: token }],
      },
    }),
    describe: ({ txid }) => `releasing the lock on the creation of ${txidToHex(txid)}`,
    read: () => undefined,
  })
}

export function isStillHeld({ heldUntilMs }: CreationLock): boolean {
  return performance.now() < heldUntilMs
}
