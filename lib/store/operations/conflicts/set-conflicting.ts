import { txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { BINS, masterKey } from '../../../record/index.ts'
import { RESULT_CODES, type RowAnswer } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { asStoreError, RecordNotFoundError, rowError, throwFailures } from '../../store-errors.ts'
import { isPlaceholderTxid, uniqueTxids } from '../../txids.ts'
import { parseUdfResponse } from '../../udf/udf-response.ts'
import { carryDeleteAtHeights } from '../pages/delete-at-height-carrier.ts'
import { changeOf } from '../pages/missed-signals.ts'
import { writePages } from '../pages/page-writes.ts'
import { readNodes } from '../reading/transaction-nodes.ts'
import type { SpentOutput } from '../spending/unspend-rows.ts'
import { linkToParents } from './conflict-links.ts'
import { allRead, readStoredSpends, type StoredSpends } from './stored-spends.ts'

/** What a change of the mark concerns beyond the transactions themselves. */
export interface ConflictingChange {
  /** The inputs of the transactions, as spends: what `unspend` takes. */
  readonly affectedParentSpends: readonly SpentOutput[]
  /** The transactions that spend their outputs, each once; a frozen output has none. */
  readonly spendingTxHashes: readonly Uint8Array[]
}

/**
 * Marks transactions as conflicting, or lifts the mark, with one batch for each step: read them, enter them in
 * their parents' lists (only when marking), change the marks, read who spends their outputs. The spenders are
 * read last, when the mark keeps new ones away (semantics 3.9).
 *
 * Throws `TX_NOT_FOUND` before anything is changed when one has no record. A failure of a parent's list ends the
 * call with no mark set; a failure of a mark is thrown after all were tried.
 */
export async function setConflicting(
  context: StoreContext,
  txids: readonly Uint8Array[],
  value: boolean,
  signal: AbortSignal | undefined,
): Promise<ConflictingChange> {
  const wanted = uniqueTxids(txids).filter(txid => !isPlaceholderTxid(txid))
  const read = await readStoredSpends(context, wanted, signal)
  const transactions = allRead(read)
  await markConflicting(context, transactions, value, context.blockState.current.height, signal)
  const nodes = await readNodes(context, wanted, signal)
  return {
    affectedParentSpends: transactions.flatMap(({ spends }) => spends),
    spendingTxHashes: uniqueTxids(nodes.flatMap(node => node?.spenders ?? [])),
  }
}

/**
 * The writes of `setConflicting`: parents' lists, marks, pages. `height` feeds the rule of the delete-at-height.
 * A transaction that is gone meanwhile is a failure.
 */
export async function markConflicting(
  context: StoreContext,
  transactions: readonly StoredSpends[],
  value: boolean,
  height: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (value) {
    const links = transactions.flatMap(({ txid, parents }) =>
      parents.map(parentTxid => ({ parentTxid, childTxid: txid })),
    )
    await linkToParents(context, links, signal)
  }
  const outcomes = await mapRows(context, transactions, signal, {
    toRow: ({ txid }) => ({
      kind: 'apply',
      key: { set: context.set, userKey: masterKey(txid) },
      module: context.modules.main,
      function: 'setConflicting',
      args: [value, height, context.retention, true],
    }),
    describe: ({ txid }) => what(txid),
    read: (transaction, answer) => ({ transaction, ...verdict(transaction.txid, answer) }),
  })
  const changed = outcomes.filter(({ error }) => error === undefined)
  const pageFailures = await carryToPages(context, changed, value, height, signal)
  throwFailures(
    [...outcomes.flatMap(({ error }) => error ?? []), ...pageFailures],
    transactions.length,
    'transactions could not be marked',
  )
}

interface Marked {
  readonly transaction: StoredSpends
  /** `DAHSET` or `DAHUNSET`, where the delete-at-height changed, or stands so after a repetition. */
  readonly signal: string | undefined
}

/**
 * Lifting the mark lifts it from the pages, which may have it from their creation; setting it sets it there only
 * under the setting: a reference node would later lift it on the master alone and strand them (semantics 1.15).
 */
async function carryToPages(
  context: StoreContext,
  marked: readonly Marked[],
  value: boolean,
  height: number,
  signal: AbortSignal | undefined,
): Promise<StoreError[]> {
  const withPages = marked.filter(({ transaction }) => transaction.pages > 0)
  if (withPages.length === 0) return []
  const marksPages = !value || context.settings.propagateConflictingToPages === 'on'
  const writes = withPages.map(({ transaction: { txid, pages } }) => ({
    txid,
    pages,
    operations: [{ kind: 'put', bin: BINS.conflicting, value } as const],
  }))
  const unmarked = marksPages ? await writePages(context, writes, signal) : NO_FAILURES
  const signals = withPages.map(({ transaction: { txid, pages }, signal: asked }) => ({
    txid,
    signal: changeOf(asked ?? ''),
    childCount: pages,
    height,
  }))
  const uncarried = await carryDeleteAtHeights(context, signals)
  return [...new Map([...unmarked, ...uncarried]).values()]
}

const NO_FAILURES: ReadonlyMap<string, StoreError> = new Map()

function verdict(
  txid: Uint8Array,
  answer: RowAnswer | StoreError,
): { error: StoreError | undefined; signal: string | undefined } {
  const failed = (error: StoreError) => ({ error, signal: undefined })
  const notFound = () => failed(new RecordNotFoundError(txid))
  if (answer instanceof StoreError) return failed(answer)
  if (answer.status === RESULT_CODES.NOT_FOUND) return notFound()
  if (answer.status !== 0) return failed(rowError(what(txid), answer.status, answer.inDoubt))
  try {
    const { status, errorCode, message, signal } = parseUdfResponse(answer.bins)
    if (status === 'OK') return { error: undefined, signal }
    if (errorCode === 'TX_NOT_FOUND') return notFound()
    return failed(
      new StoreError(
        'STORAGE_ERROR',
        `${what(txid)}: ${errorCode ?? 'an error without a code'} (${message ?? ''})`,
      ),
    )
  } catch (error) {
    return failed(asStoreError(error, what(txid), { code: 'PROCESSING' }))
  }
}

function what(txid: Uint8Array): string {
  return `marking ${txidToHex(txid)}`
}
