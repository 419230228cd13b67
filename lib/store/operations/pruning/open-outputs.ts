import { txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { BINS, pageKey } from '../../../record/index.ts'
import { type Bins, RESULT_CODES, type RowAnswer } from '../../../transport/index.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { rowError } from '../../store-errors.ts'
import { countFailed, type PruneRun } from './prune-run.ts'
import type { Composite } from './remove-composites.ts'

/** The same arrays for every row: rows with equal bins are encoded once. */
const MASTER_BINS = [BINS.conflicting]
const PAGE_BINS = [BINS.spentUtxos, BINS.recordUtxos]

/** What the records of a transaction say about its removal. */
interface Findings {
  isConflicting: boolean
  hasOpenOutput: boolean
  failure: StoreError | undefined
}

/**
 * Those of which no output can be spent any more. A master that is due says that all of its pages are spent, but
 * it hears of an unspend on a page by a second write, which may have failed: then a live output would be removed.
 * Transactions that lost a conflict are due with their outputs unspent.
 */
export async function onlySpent<Entry extends Composite>(
  run: PruneRun,
  entries: readonly Entry[],
): Promise<Entry[]> {
  const { context } = run
  const findings = entries.map(
    (): Findings => ({ isConflicting: false, hasOpenOutput: false, failure: undefined }),
  )
  const reads = entries.flatMap(({ txid, pages }, index) =>
    pages === 0
      ? []
      : Array.from({ length: pages + 1 }, (_, page) => ({ txid, page, found: findings[index] })),
  )
  const describe = ({ txid, page }: (typeof reads)[number]): string =>
    `reading record ${page} of ${txidToHex(txid)}`
  await mapRows(context, reads, undefined, {
    toRow: ({ txid, page }) => ({
      kind: 'read',
      key: { set: context.set, userKey: pageKey(txid, page) },
      bins: page === 0 ? MASTER_BINS : PAGE_BINS,
    }),
    describe,
    read: (entry, answer) => note(entry, answer, describe(entry)),
  })
  return entries.filter((entry, index) => isRemovable(run, entry, findings[index]))
}

function note(
  { page, found }: { readonly page: number; readonly found: Findings | undefined },
  answer: RowAnswer | StoreError,
  what: string,
): void {
  if (found === undefined) return
  if (answer instanceof StoreError) found.failure = answer
  else if (answer.status === RESULT_CODES.OK) {
    const bins = answer.bins ?? {}
    if (page === 0) found.isConflicting = bins[BINS.conflicting] === true
    else if (isOpen(bins)) found.hasOpenOutput = true
  } else if (answer.status !== RESULT_CODES.NOT_FOUND)
    found.failure = rowError(what, answer.status, answer.inDoubt)
}

function isOpen(bins: Bins): boolean {
  return Number(bins[BINS.spentUtxos] ?? 0) < Number(bins[BINS.recordUtxos] ?? 0)
}

function isRemovable(run: PruneRun, { txid }: Composite, found: Findings | undefined): boolean {
  if (found?.failure !== undefined) {
    countFailed(run, txid, found.failure)
    return false
  }
  if (found === undefined || found.isConflicting || !found.hasOpenOutput) return true
  run.counts.skipped += 1
  run.context.logger.error(
    { event: 'prune_output_open', txid: txidToHex(txid) },
    'a transaction that is due has an output that is not spent; it is kept',
  )
  return false
}
