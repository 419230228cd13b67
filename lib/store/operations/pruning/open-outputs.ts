import { txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { BINS, pageKey } from '../../../record/index.ts'
import { type Bins, RESULT_CODES, type RowAnswer } from '../../../transport/index.ts'
import { forRows } from '../../dispatch/map-rows.ts'
import { rowError } from '../../store-errors.ts'
import { PageList, type PageOf } from '../pages/page-list.ts'
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
  const paged = entries.flatMap(({ txid, pages }, index) =>
    pages === 0 ? [] : [{ txid, pages, found: findings[index] }],
  )
  const reads = new PageList(paged, ({ pages }) => pages, 0)
  await forRows(context, reads, undefined, {
    toRow: ({ owner, page }) => ({
      kind: 'read',
      key: { set: context.set, userKey: pageKey(owner.txid, page) },
      bins: page === 0 ? MASTER_BINS : PAGE_BINS,
    }),
    describe,
    read: note,
  })
  return entries.filter((entry, index) => isRemovable(run, entry, findings[index]))
}

type ReadRecord = PageOf<{ readonly txid: Uint8Array; readonly found: Findings | undefined }>

function describe({ owner, page }: ReadRecord): string {
  return `reading record ${page} of ${txidToHex(owner.txid)}`
}

function note(record: ReadRecord, answer: RowAnswer | StoreError): void {
  const { owner, page } = record
  const { found } = owner
  if (found === undefined) return
  if (answer instanceof StoreError) found.failure = answer
  else if (answer.status === RESULT_CODES.OK) {
    const bins = answer.bins ?? {}
    if (page === 0) found.isConflicting = bins[BINS.conflicting] === true
    else if (isOpen(bins)) found.hasOpenOutput = true
  } else if (answer.status !== RESULT_CODES.NOT_FOUND)
    found.failure = rowError(describe(record), answer.status, answer.inDoubt)
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
