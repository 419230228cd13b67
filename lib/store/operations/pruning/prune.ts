import { StoreError } from '../../../errors/index.ts'
import { BINS, HEIGHT_MAX } from '../../../record/index.ts'
import type { PartitionRange } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { asStoreError } from '../../store-errors.ts'
import { PARTITIONS, queryCount, splitPartitions } from '../walks/partition-ranges.ts'
import { readRange } from '../walks/read-range.ts'
import { INPUT_BINS } from '../walks/transaction-inputs.ts'
import { completeRemovals } from './complete-removals.ts'
import { DEFENSIVE_BINS } from './defensive-check.ts'
import { processExpiredPreservations } from './expired-preservations.ts'
import { preserveParents } from './preserve-parents.ts'
import { pruneChunk } from './prune-chunk.ts'
import { newRun, type PruneCounts, type PruneRun } from './prune-run.ts'

/** How far a run has come. */
export interface PruneProgress {
  /** Partitions whose records have been read and handed to the removal. */
  readonly done: number
  /** Partitions in all: 4096. */
  readonly total: number
  readonly counts: PruneCounts
}

export interface PruneResult extends PruneCounts {
  /** Of the run: that of the latest call, where several waited for their turn. */
  readonly height: number
  /**
   * `timed out`: `prunerJobTimeout` was over before the end; a later run goes on. `disabled`, `catching up` and
   * `not triggered`: nothing was done, by the settings.
   */
  readonly outcome: 'complete' | 'timed out' | 'disabled' | 'catching up' | 'not triggered'
}

export interface PruneRunOptions {
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: PruneProgress) => void) | undefined
}

/**
 * Removes what is due at a height (semantics 5.1): first the parents of old unmined transactions are preserved and
 * preservations that are over are ended; then removals that were interrupted are completed; then the index on
 * delete-at-heights is read by queries side by side.
 */
export async function prune(
  context: StoreContext,
  height: number,
  { signal, onProgress }: PruneRunOptions,
): Promise<PruneResult> {
  // 2^32 - 1 in the bin means never: that height never comes.
  const run = newRun(context, Math.min(height, HEIGHT_MAX - 1))
  const { counts } = run
  const timeout = new AbortController()
  const timer = setTimeout(() => timeout.abort(), context.settings.prunerJobTimeout)
  const both = signal === undefined ? timeout.signal : AbortSignal.any([signal, timeout.signal])
  try {
    await context.indexes.ready('deleteAtHeight', both).catch((error: unknown) => {
      if (both.aborted) throw error
      throw new StoreError('PROCESSING', 'the index on delete-at-heights is not ready', { cause: error })
    })
    if (!context.settings.prunerSkipDeletions) {
      await preserveParents(run, both)
      counts.preservationsEnded = await processExpiredPreservations(context, height, both)
      await completeRemovals(run, both)
    }
    await removeDue(run, both, onProgress)
  } catch (error) {
    if (signal?.aborted) throw runError(run, givenUp(signal))
    if (!timeout.signal.aborted) throw runError(run, error)
    return { outcome: 'timed out', height, ...counts }
  } finally {
    clearTimeout(timer)
  }
  return { outcome: 'complete', height, ...counts }
}

/** Each query over its own partitions, to its end; what ended one of them is thrown when all have ended. */
async function removeDue(
  run: PruneRun,
  signal: AbortSignal,
  onProgress: PruneRunOptions['onProgress'],
): Promise<void> {
  const ranges = splitPartitions(await queryCount(run.context))
  let done = 0
  const onPartitions = (count: number): void => {
    done += count
    onProgress?.({ done, total: PARTITIONS, counts: { ...run.counts } })
  }
  const lanes = chunksAtOnce(run.context, ranges.length)
  const ended = await Promise.allSettled(
    ranges.map(range => pruneRange(run, range, { lanes, signal, onPartitions })),
  )
  for (const end of ended) if (end.status === 'rejected') throw end.reason
}

interface RangeWork {
  readonly lanes: number
  readonly signal: AbortSignal
  readonly onPartitions: (count: number) => void
}

async function pruneRange(
  run: PruneRun,
  range: PartitionRange,
  { lanes, signal, onPartitions }: RangeWork,
): Promise<void> {
  const { context, height, counts } = run
  const request = { index: { bin: BINS.deleteAtHeight, range: [1, height] }, bins: binsOf(context) } as const
  const chunks = readRange(context, request, range, {
    signal,
    retriesIdle: true,
    groupSize: context.settings.prunerUtxoChunkSize,
    onPartitions,
    onRetry: () => {
      counts.rangesRetried += 1
    },
  })
  const running = new Set<Promise<void>>()
  try {
    for await (const chunk of chunks) {
      signal.throwIfAborted()
      const pruned: Promise<void> = pruneChunk(run, chunk).finally(() => running.delete(pruned))
      running.add(pruned)
      if (running.size >= lanes) await Promise.race(running)
    }
  } finally {
    // A chunk that has begun is brought to its end, also where the run is given up.
    await Promise.all(running)
  }
}

/** What is read of a record; its delete-at-height serves the index only. */
function binsOf({ settings }: StoreContext): string[] {
  return [
    BINS.txid,
    BINS.totalExtraRecs,
    BINS.external,
    ...(settings.prunerSkipParentUpdates || settings.prunerSkipDeletions ? [] : INPUT_BINS),
    ...(settings.prunerUtxoDefensiveEnabled ? DEFENSIVE_BINS : []),
  ].filter((bin, index, bins) => bins.indexOf(bin) === index)
}

/** Queries and their chunks together take no more than their share of the connections (semantics 5.1). */
export function chunksAtOnce({ settings, connectionsMax }: StoreContext, queries: number): number {
  const share = settings.prunerConnectionPoolWarningThreshold * connectionsMax
  const wanted = settings.prunerUtxoChunkGroupLimit
  if (queries * wanted + queries <= share) return wanted
  return Math.max(1, Math.min(wanted, Math.floor(share / (queries + 1))))
}

function givenUp(signal: AbortSignal): StoreError {
  return new StoreError('CONTEXT_CANCELED', 'it was given up by the signal', { cause: signal.reason })
}

function runError({ counts }: PruneRun, error: unknown): StoreError {
  const cause = asStoreError(error, 'pruning', { code: 'STORAGE_ERROR' })
  const sofar = `${counts.processed} transactions were pruned, ${counts.failed} failed`
  return new StoreError(cause.code, `the run was not brought to its end (${sofar}): ${cause.message}`, {
    cause,
  })
}
