import { HEIGHT_MAX, masterKey } from '../../../record/index.ts'
import type { QueryRecord } from '../../../transport/index.ts'
import { PRUNE_INTENT_HEIGHT, pruneIntentSet } from '../../context/prune-intent-set.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { PARTITIONS } from '../walks/partition-ranges.ts'
import { readRange } from '../walks/read-range.ts'
import { type BegunRemoval, finishRemovals } from './finish-removals.ts'
import { decodeIntent, endRemovals, INTENT_BINS, type PruneIntent } from './prune-intents.ts'
import type { PruneRun } from './prune-run.ts'
import { releaseLocks, takeLocks } from './removal-locks.ts'
import { type RowVerdict, verdictOf } from './removal-rows.ts'

/**
 * The intent of a transaction that is still there is left this long: its run may be about to remove the master,
 * and a stop right after that would find no intent.
 */
const ABANDONED_MS = 60 * 60 * 1_000

/** Completes the removals that earlier runs began and did not bring to their end. */
export async function completeRemovals(run: PruneRun, signal: AbortSignal | undefined): Promise<void> {
  const { context, counts } = run
  await context.indexes.ready('pruneIntent', signal)
  const request = {
    set: pruneIntentSet(context.set),
    index: { bin: PRUNE_INTENT_HEIGHT, range: [0, HEIGHT_MAX] },
    bins: INTENT_BINS,
  } as const
  const groups = readRange(
    context,
    request,
    { begin: 0, count: PARTITIONS },
    {
      signal,
      retriesIdle: true,
      groupSize: context.settings.prunerBlobDeletionBatchSize,
      onPartitions: () => {},
      onRetry: () => {
        counts.rangesRetried += 1
      },
    },
  )
  for await (const group of groups) {
    signal?.throwIfAborted()
    await completeGroup(run, group.flatMap(intentOf))
  }
}

function intentOf({ bins }: QueryRecord): PruneIntent[] {
  const intent = decodeIntent(bins)
  return intent === undefined ? [] : [intent]
}

async function completeGroup(run: PruneRun, intents: readonly PruneIntent[]): Promise<void> {
  const { context, counts } = run
  const outcomes = await takeLocks(context, intents)
  const removals = intents.flatMap((intent, index): (BegunRemoval & PruneIntent)[] => {
    const outcome = outcomes[index]
    return typeof outcome === 'object' && 'token' in outcome ? [{ ...intent, lock: outcome }] : []
  })
  counts.removalsLeft += intents.length - removals.length
  try {
    const masters = await lookForMasters(run, removals)
    const gone = removals.filter((_, index) => masters[index]?.state === 'missing')
    const completed = await finishRemovals(run, gone)
    counts.removalsCompleted += completed
    const abandoned = removals.filter(
      ({ startedAtMs }, index) => masters[index]?.state === 'done' && Date.now() - startedAtMs > ABANDONED_MS,
    )
    await endRemovals(
      context,
      abandoned.map(({ txid }) => txid),
    )
  } finally {
    await releaseLocks(
      context,
      removals.map(({ lock }) => lock),
    )
  }
}

async function lookForMasters(run: PruneRun, removals: readonly BegunRemoval[]): Promise<RowVerdict[]> {
  const { context } = run
  return mapRows(context, removals, undefined, {
    toRow: ({ txid }) => ({ kind: 'read', key: { set: context.set, userKey: masterKey(txid) }, bins: [] }),
    describe: () => 'looking for a master',
    read: (_, answer) => verdictOf('looking for a master', answer),
  })
}
