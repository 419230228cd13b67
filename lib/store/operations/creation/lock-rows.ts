import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { LOCK_BINS, type LOCK_TYPES, lockKey } from '../../../record/index.ts'
import type { BatchRow, Filter } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'

const TTL_SECONDS_MIN = 30
const TTL_SECONDS_PER_RECORD = 2
const TTL_SECONDS_MAX = 300
const TOKEN_BYTES = 16

/** How long a lock lasts that nobody releases (semantics 1.11; lesson 48: it always ends). */
export function lockTtlSeconds(records: number): number {
  return Math.min(TTL_SECONDS_MIN + TTL_SECONDS_PER_RECORD * records, TTL_SECONDS_MAX)
}

/** What only the holder of a lock knows, and ends it with. */
export function newLockToken(): string {
  return randomBytes(TOKEN_BYTES).toString('hex')
}

export interface LockClaim {
  readonly txid: Uint8Array
  readonly token: string
  /** Records of the transaction. */
  readonly records: number
  readonly type: (typeof LOCK_TYPES)[keyof typeof LOCK_TYPES]
}

/** Takes the lock on the records of a transaction; `RECORD_EXISTS` where another holds it. */
export function takeLockRow({ set }: StoreContext, { txid, token, records, type }: LockClaim): BatchRow {
  const bins = [
    [LOCK_BINS.createdAt, Math.floor(Date.now() / 1_000)],
    [LOCK_BINS.lockType, type],
    [LOCK_BINS.processId, process.pid],
    [LOCK_BINS.hostname, hostname()],
    [LOCK_BINS.expectedRecords, records],
    [LOCK_BINS.token, token],
  ] as const
  return {
    kind: 'write',
    key: { set, userKey: lockKey(txid) },
    operations: bins.map(([bin, value]) => ({ kind: 'put', bin, value })),
    exists: 'create-only',
    ttlSeconds: lockTtlSeconds(records),
  }
}

/** Ends the lock unless it has passed to another. */
export function releaseLockRow({ set }: StoreContext, txid: Uint8Array, token: string): BatchRow {
  return { kind: 'remove', key: { set, userKey: lockKey(txid) }, filter: isHeldWith(token) }
}

export function isHeldWith(token: string): Filter {
  return { compare: 'eq', left: { stringBin: LOCK_BINS.token }, right: token }
}
