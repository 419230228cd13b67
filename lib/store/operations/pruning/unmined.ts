import { txidKey } from '../../../bitcoin/index.ts'
import { BINS } from '../../../record/index.ts'
import type { StoreContext } from '../../context/store-context.ts'

/**
 * The transactions that have been unmined since `cutoff` or longer, by the secondary index. It begins at 1: a
 * height of 0 is never written (semantics 1.9). Records without a txid are logged and passed over.
 */
export async function queryOldUnminedTransactions(
  context: StoreContext,
  cutoff: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array[]> {
  if (cutoff === 0) return []
  await context.indexes.ready('unminedSince', signal)
  const records = context.queries.query(
    { index: { bin: BINS.unminedSince, range: [1, cutoff] }, bins: [BINS.txid] },
    { signal, idleTimeoutMs: context.settings.queryIdleTimeoutSeconds * 1_000 },
  )
  const txids = new Map<string, Uint8Array>()
  for await (const { digest, bins } of records) {
    const txid = bins[BINS.txid]
    if (txid instanceof Uint8Array && txid.length === 32) txids.set(txidKey(txid), txid)
    else logSkipped(context, digest)
  }
  return [...txids.values()]
}

export function logSkipped({ logger }: StoreContext, digest: Uint8Array): void {
  logger.warn(
    { event: 'record_skipped', digest: Buffer.from(digest).toString('hex') },
    'a query met a record without a valid txid',
  )
}
