import { txidToHex } from '../../../bitcoin/index.ts'
import type { StoreError } from '../../../errors/index.ts'
import { BINS } from '../../../record/index.ts'
import type { Bins, Filter } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { Turns } from '../../waiting/turns.ts'

/** What a run of the pruner did. Records are those of transactions; their pages are counted apart. */
export interface PruneCounts {
  /** Transactions that were removed. */
  readonly processed: number
  /** Found by the query, but preserved, unspent or gone since then, in creation by another, or not to be removed by the settings. */
  readonly skipped: number
  /** Transactions that could not be pruned, each in the log; a later run tries again. */
  readonly failed: number
  readonly pagesRemoved: number
  readonly bodiesRemoved: number
  /** External bodies that were gone already, so that no parent could be told. */
  readonly bodiesMissing: number
  /** Records that were told of pruned spenders. */
  readonly parentsMarked: number
  /** Parents of old unmined transactions that were kept from being pruned. */
  readonly parentsPreserved: number
  readonly preservationsEnded: number
  /** Removals that an earlier run had begun, and this one completed. */
  readonly removalsCompleted: number
  /** Removals that are begun and not completed; a later run completes them. */
  readonly removalsLeft: number
  /** Queries that failed and were asked again, with the partitions that they had not read. */
  readonly rangesRetried: number
}

export type MutableCounts = { -readonly [Name in keyof PruneCounts]: number }

export function zeroCounts(): MutableCounts {
  return {
    processed: 0,
    skipped: 0,
    failed: 0,
    pagesRemoved: 0,
    bodiesRemoved: 0,
    bodiesMissing: 0,
    parentsMarked: 0,
    parentsPreserved: 0,
    preservationsEnded: 0,
    removalsCompleted: 0,
    removalsLeft: 0,
    rangesRetried: 0,
  }
}

/** One run, as its steps see it. */
export interface PruneRun {
  readonly context: StoreContext
  readonly height: number
  readonly counts: MutableCounts
  /** Chunks with orphaned pages take turns: the pages of one transaction lie in several. */
  readonly orphanTurns: Turns
  /**
   * The transactions whose removal in several steps this run is at, by `txidKey`: until their lock is released. Their
   * pages, met by another query while the master is gone already, are not orphaned.
   */
  readonly removing: Set<string>
}

export function newRun(context: StoreContext, height: number): PruneRun {
  return { context, height, counts: zeroCounts(), orphanTurns: new Turns(), removing: new Set() }
}

/** What the query found, asked again of the record at the moment of its removal (semantics 5.1). */
export function isDue(height: number): Filter {
  return {
    and: [
      { binExists: BINS.deleteAtHeight },
      { compare: 'le', left: { intBin: BINS.deleteAtHeight }, right: height },
      { not: { binExists: BINS.preserveUntil } },
    ],
  }
}

/** The same for bins that were read. */
export function areBinsDue(bins: Bins, height: number): boolean {
  const { [BINS.deleteAtHeight]: deleteAtHeight, [BINS.preserveUntil]: preserveUntil } = bins
  return typeof deleteAtHeight === 'number' && deleteAtHeight <= height && preserveUntil === undefined
}

/** Counts a transaction that could not be pruned, and says why. */
export function countFailed({ context, counts }: PruneRun, txid: Uint8Array, error: StoreError): void {
  counts.failed += 1
  context.logger.error(
    { event: 'prune_failed', txid: txidToHex(txid), err: error },
    'a transaction could not be pruned; a later run tries again',
  )
}
