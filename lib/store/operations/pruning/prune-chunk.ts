import { txidToHex } from '../../../bitcoin/index.ts'
import { BINS, masterKey, pageCountOf } from '../../../record/index.ts'
import type { QueryRecord } from '../../../transport/index.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { asStoreError } from '../../store-errors.ts'
import { BODIES_IN_WORK, inLanes } from '../walks/in-lanes.ts'
import { spentOutpoints } from '../walks/transaction-inputs.ts'
import { withSafeSpenders } from './defensive-check.ts'
import { markParents, type PrunedSpender } from './mark-parents.ts'
import { pruneOrphanPages } from './orphan-pages.ts'
import { areBinsDue, countFailed, isDue, type PruneRun } from './prune-run.ts'
import { expireRow, removeRow, verdictOf } from './removal-rows.ts'
import { removeComposites } from './remove-composites.ts'
import { logSkipped } from './unmined.ts'

/** A master record that the query found. */
export interface Candidate {
  readonly txid: Uint8Array
  readonly pages: number
  readonly isExternal: boolean
  readonly record: QueryRecord
}

/**
 * Prunes a chunk of the records that the query found, in an order in which a stop after any step loses nothing
 * (semantics 5.1, lesson 67): who is still due is asked again; the parents are told; the master goes, if it still
 * is due; its pages and its body go only after it.
 */
export async function pruneChunk(run: PruneRun, records: readonly QueryRecord[]): Promise<void> {
  const { context, counts } = run
  const { masters, pages } = sorted(run, records)
  try {
    await pruneOrphanPages(run, pages)
    let due = await stillDue(run, masters)
    if (context.settings.prunerUtxoDefensiveEnabled) due = await withSafeSpenders(run, due)
    if (context.settings.prunerSkipDeletions) {
      counts.skipped += due.length
      return
    }
    const ready = context.settings.prunerSkipParentUpdates ? due : await tellParents(run, due)
    await removeSingles(
      run,
      ready.filter(candidate => !isComposite(candidate)),
    )
    await removeComposites(run, ready.filter(isComposite))
  } catch (error) {
    // Whatever was done of it stays done; the rest is found by a later run.
    counts.failed += 1
    logChunk(run, records.length, error)
  }
}

function logChunk({ context }: PruneRun, records: number, error: unknown): void {
  context.logger.error(
    { event: 'prune_chunk_failed', records, err: error },
    'a chunk of records could not be pruned to its end; a later run tries again',
  )
}

/** More than one record, or a body outside: what cannot be removed by one atomic step. */
function isComposite({ pages, isExternal }: Candidate): boolean {
  return isExternal || pages > 0
}

function sorted(
  run: PruneRun,
  records: readonly QueryRecord[],
): { masters: Candidate[]; pages: QueryRecord[] } {
  const { context, counts } = run
  const masters: Candidate[] = []
  const pages: QueryRecord[] = []
  for (const record of records) {
    const {
      [BINS.txid]: txid,
      [BINS.totalExtraRecs]: totalExtraRecs,
      [BINS.external]: external,
    } = record.bins
    if (!(txid instanceof Uint8Array) || txid.length !== 32) {
      logSkipped(context, record.digest)
      counts.skipped += 1
    } else if (totalExtraRecs === undefined) pages.push(record)
    else {
      try {
        const count = pageCountOf(totalExtraRecs) ?? 0
        masters.push({ txid, pages: count, isExternal: external === true, record })
      } catch (error) {
        countFailed(run, txid, asStoreError(error, `reading how many pages ${txidToHex(txid)} has`))
      }
    }
  }
  return { masters, pages }
}

/**
 * Those that meet the condition of the query still. The removal asks again, but parents are told before it: an
 * entry for a spender that then stays makes a validation of it fail. Read and judged here, since a filter costs
 * the npm client more than two bins do.
 */
async function stillDue(run: PruneRun, candidates: readonly Candidate[]): Promise<Candidate[]> {
  const { context, height, counts } = run
  const describe = ({ txid }: Candidate): string => `looking at ${txidToHex(txid)} before it is pruned`
  const due = await mapRows(context, candidates, undefined, {
    toRow: ({ txid }) => ({
      kind: 'read',
      key: { set: context.set, userKey: masterKey(txid) },
      bins: [BINS.deleteAtHeight, BINS.preserveUntil],
    }),
    describe,
    read: (candidate, answer) => {
      const verdict = verdictOf(describe(candidate), answer)
      if (verdict.state === 'failed') countFailed(run, candidate.txid, verdict.error)
      else if (verdict.state === 'done' && areBinsDue(verdict.bins, height)) return [candidate]
      else counts.skipped += 1
      return []
    },
  })
  return due.flat()
}

/** Tells the parents of all; returns those whose parents are known, or cannot be known any more. */
async function tellParents(run: PruneRun, candidates: readonly Candidate[]): Promise<Candidate[]> {
  const { context, counts } = run
  const spenders: PrunedSpender[] = []
  const ready = await inLanes(candidates, BODIES_IN_WORK, async candidate => {
    const { txid, record } = candidate
    try {
      const outpoints = await spentOutpoints(context, txid, record.bins)
      if (outpoints === undefined) bodyMissing(run, txid)
      else if (outpoints.length > 0) spenders.push({ txid, outpoints })
      return [candidate]
    } catch (error) {
      countFailed(run, candidate.txid, asStoreError(error, `reading the inputs of ${txidToHex(txid)}`))
      return []
    }
  })
  try {
    // Awaited first: chunks that run side by side would each add to the count of before.
    const marked = await markParents(context, spenders)
    counts.parentsMarked += marked
  } catch (error) {
    // Nothing of the chunk is removed, whichever spender it was that a parent could not be told of.
    const unmarked = ready.flat().length
    counts.failed += unmarked
    logChunk(run, unmarked, error)
    return []
  }
  return ready.flat()
}

/** The parents cannot be told, and normally are gone as well; removed all the same (semantics 5.1). */
function bodyMissing({ context, counts }: PruneRun, txid: Uint8Array): void {
  counts.bodiesMissing += 1
  context.logger.warn(
    { event: 'prune_body_missing', txid: txidToHex(txid) },
    'the external body of a transaction was missing when it was pruned; its parents could not be told',
  )
}

async function removeSingles(run: PruneRun, candidates: readonly Candidate[]): Promise<void> {
  const { context, height, counts } = run
  const filter = isDue(height)
  const describe = ({ txid }: Candidate): string => `pruning ${txidToHex(txid)}`
  await mapRows(context, candidates, undefined, {
    toRow: ({ txid }) => {
      const key = { set: context.set, userKey: masterKey(txid) }
      return context.settings.prunerUtxoSetTTL ? expireRow(key, filter) : removeRow(context, key, filter)
    },
    describe,
    read: (candidate, answer) => {
      const verdict = verdictOf(describe(candidate), answer)
      if (verdict.state === 'done') counts.processed += 1
      else if (verdict.state === 'failed') countFailed(run, candidate.txid, verdict.error)
      else counts.skipped += 1
    },
  })
}
