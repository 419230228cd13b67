import { txidToHex } from '../../../bitcoin/index.ts'
import { messageOf, StoreError } from '../../../errors/index.ts'
import { BINS, heightAfter } from '../../../record/index.ts'
import type { QueryRecord } from '../../../transport/index.ts'
import { uniqueTxids } from '../../txids.ts'
import { BODIES_IN_WORK, inLanes } from '../walks/in-lanes.ts'
import { PARTITIONS } from '../walks/partition-ranges.ts'
import { readRange } from '../walks/read-range.ts'
import { INPUT_BINS, spentOutpoints } from '../walks/transaction-inputs.ts'
import { preserveTransactions } from './preserve.ts'
import type { PruneRun } from './prune-run.ts'

const GROUP_RECORDS = 1_000

/**
 * Keeps the parents of old unmined transactions from being pruned, without which those could never be validated
 * again (semantics 3.14). An unmined one whose inputs cannot be read is logged and passed over; where a parent
 * cannot be preserved the run must not go on, and this throws.
 */
export async function preserveParents(run: PruneRun, signal: AbortSignal | undefined): Promise<void> {
  const { context, height, counts } = run
  const { unminedTxRetention, parentPreservationBlocks } = context.settings
  const cutoff = height - unminedTxRetention
  if (cutoff < 1 || parentPreservationBlocks === 0) return
  await context.indexes.ready('unminedSince', signal)
  const request = {
    index: { bin: BINS.unminedSince, range: [1, cutoff] },
    bins: [BINS.txid, ...INPUT_BINS],
  } as const
  const groups = readRange(
    context,
    request,
    { begin: 0, count: PARTITIONS },
    {
      signal,
      retriesIdle: true,
      groupSize: GROUP_RECORDS,
      onPartitions: () => {},
      onRetry: () => {
        counts.rangesRetried += 1
      },
    },
  )
  for await (const group of groups) {
    const parents = await inLanes(group, BODIES_IN_WORK, record => parentsOf(run, record))
    const txids = uniqueTxids(parents.flat())
    const outcome = await preserveTransactions(
      context,
      txids,
      heightAfter(height, parentPreservationBlocks),
      signal,
    )
    counts.parentsPreserved += outcome.preserved
    if (outcome.failed > 0) {
      const text = `${outcome.failed} parents of unmined transactions could not be preserved; the log names them`
      throw new StoreError('STORAGE_ERROR', text)
    }
  }
}

async function parentsOf({ context }: PruneRun, { bins }: QueryRecord): Promise<Uint8Array[]> {
  const txid = bins[BINS.txid]
  if (!(txid instanceof Uint8Array) || txid.length !== 32) return []
  try {
    const outpoints = await spentOutpoints(context, txid, bins)
    if (outpoints === undefined) throw new StoreError('STORAGE_ERROR', 'its external body is missing')
    return outpoints.map(outpoint => outpoint.txid)
  } catch (error) {
    context.logger.warn(
      { event: 'preserve_parents_unknown', txid: txidToHex(txid), err: error },
      `the parents of an unmined transaction are not known, and may be pruned: ${messageOf(error)}`,
    )
    return []
  }
}
