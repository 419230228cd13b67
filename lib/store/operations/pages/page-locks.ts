import type { StoreError } from '../../../errors/index.ts'
import { BINS } from '../../../record/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { alignWithMasters } from './align-with-masters.ts'
import { type PageWrite, writePages } from './page-writes.ts'

/** What the pages of a transaction say of its lock. */
export interface PageLock {
  readonly txid: Uint8Array
  readonly pages: number
  readonly locked: boolean
}

/** A locked transaction is not pruned: the lock takes the delete-at-height away, on the pages as well. */
export function pageLockWrite({ txid, pages, locked }: PageLock): PageWrite {
  const lock = { kind: 'put', bin: BINS.locked, value: locked } as const
  return { txid, pages, operations: locked ? [lock, { kind: 'unset', bin: BINS.deleteAtHeight }] : [lock] }
}

/** A page would otherwise be spent under a lock, or stay locked for good. */
export function alignLocks(
  context: StoreContext,
  written: readonly PageLock[],
): Promise<Map<string, StoreError>> {
  return alignWithMasters(context, written, {
    bin: BINS.locked,
    name: 'lock',
    follow: (entry, value) => {
      const locked = value === true
      return locked === entry.locked ? undefined : { ...entry, locked }
    },
    write: locks => writePages(context, locks.map(pageLockWrite), undefined),
  })
}
