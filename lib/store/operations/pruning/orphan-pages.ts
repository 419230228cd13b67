import { txidKey, txidToHex } from '../../../bitcoin/index.ts'
import { BINS, masterKey, pageKey } from '../../../record/index.ts'
import { digestOf, type QueryRecord, type RecordKey } from '../../../transport/index.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { countFailed, isDue, type PruneRun } from './prune-run.ts'
import { type RemovalLock, releaseLocks, takeLocks } from './removal-locks.ts'
import { type RowVerdict, removeRow, verdictOf } from './removal-rows.ts'

/** The largest index of an output (semantics 1.8) bounds how many pages a transaction can have. */
const OUTPUTS_MAX = 2 ** 24
/** And this how long we look for one by its digest. */
const PAGES_LOOKED_AT_MAX = 2 ** 20

interface PagesOfOne {
  readonly txid: Uint8Array
  readonly digests: Set<string>
}

/**
 * Removes pages whose master is gone, as an interrupted removal by another system leaves them. A page that has a
 * master goes with it, whatever its own delete-at-height says: alone it would be missing from a transaction that
 * is still there. A page whose master this run has just removed goes in that removal. Decided and done under the lock
 * on the transaction's creation, for a creator adopts the pages that it finds.
 */
export async function pruneOrphanPages(run: PruneRun, pages: readonly QueryRecord[]): Promise<void> {
  const { context } = run
  if (pages.length === 0 || context.settings.prunerSkipDeletions) return
  const masterless = await withoutMaster(run, byTransaction(pages))
  const orphaned = masterless.filter(({ txid }) => !run.removing.has(txidKey(txid)))
  if (orphaned.length === 0) return
  const waitMs = context.settings.prunerJobTimeout
  await run.orphanTurns.take({ what: 'removing orphaned pages', waitMs }, () => removeOrphans(run, orphaned))
}

async function removeOrphans(run: PruneRun, orphaned: readonly PagesOfOne[]): Promise<void> {
  const { context, counts } = run
  const outcomes = await takeLocks(
    context,
    orphaned.map(({ txid }) => ({ txid, pages: 0 })),
  )
  const locks: RemovalLock[] = outcomes.flatMap(outcome =>
    typeof outcome === 'object' && 'token' in outcome ? [outcome] : [],
  )
  counts.skipped += orphaned.length - locks.length
  const locked = new Set(locks.map(({ txid }) => txidKey(txid)))
  try {
    const still = await withoutMaster(
      run,
      orphaned.filter(({ txid }) => locked.has(txidKey(txid))),
    )
    for (const transaction of still) await removePages(run, transaction)
  } finally {
    await releaseLocks(context, locks)
  }
}

function byTransaction(pages: readonly QueryRecord[]): PagesOfOne[] {
  const transactions = new Map<string, PagesOfOne>()
  for (const { digest, bins } of pages) {
    const txid = bins[BINS.txid] as Uint8Array // checked when the chunk was sorted
    const key = txidKey(txid)
    const known = transactions.get(key) ?? { txid, digests: new Set<string>() }
    known.digests.add(Buffer.from(digest).toString('hex'))
    transactions.set(key, known)
  }
  return [...transactions.values()]
}

async function withoutMaster(run: PruneRun, transactions: readonly PagesOfOne[]): Promise<PagesOfOne[]> {
  const { context } = run
  const describe = ({ txid }: PagesOfOne): string => `looking for the master of ${txidToHex(txid)}`
  const verdicts: RowVerdict[] = await mapRows(context, transactions, undefined, {
    toRow: ({ txid }) => ({ kind: 'read', key: { set: context.set, userKey: masterKey(txid) }, bins: [] }),
    describe,
    read: (transaction, answer) => verdictOf(describe(transaction), answer),
  })
  return transactions.filter((_, index) => verdicts[index]?.state === 'missing')
}

async function removePages(run: PruneRun, transaction: PagesOfOne): Promise<void> {
  const { context, height, counts } = run
  const what = `removing orphaned pages of ${txidToHex(transaction.txid)}`
  const verdicts = await mapRows(context, keysOf(run, transaction), undefined, {
    toRow: key => removeRow(context, key, isDue(height)),
    describe: () => what,
    read: (_, answer) => verdictOf(what, answer),
  })
  for (const verdict of verdicts) {
    if (verdict.state === 'done') counts.pagesRemoved += 1
    else if (verdict.state === 'failed') countFailed(run, transaction.txid, verdict.error)
  }
}

/** A page does not say which one it is, but its digest does. */
function keysOf({ context }: PruneRun, { txid, digests }: PagesOfOne): RecordKey[] {
  const { set, settings } = context
  const pagesMax = Math.min(PAGES_LOOKED_AT_MAX, Math.ceil(OUTPUTS_MAX / settings.utxoBatchSize))
  const keys: RecordKey[] = []
  for (let page = 1; page <= pagesMax && keys.length < digests.size; page += 1) {
    const key = { set, userKey: pageKey(txid, page) }
    if (digests.has(Buffer.from(digestOf(key)).toString('hex'))) keys.push(key)
  }
  return keys
}
