import { txidToHex } from '../../../bitcoin/index.ts'
import { InvalidArgumentError, StoreError } from '../../../errors/index.ts'
import { BINS, masterKey } from '../../../record/index.ts'
import { RESULT_CODES, type RowAnswer, type WriteRow } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { handleNow } from '../../dispatch/handle-now.ts'
import { forChunks, type Sliceable } from '../../dispatch/map-chunks.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { OneAtATime } from '../../dispatch/one-at-a-time.ts'
import type { OnProgress } from '../../dispatch/progress.ts'
import { FailureTally } from '../../failure-tally.ts'
import { asStoreError, RecordNotFoundError, rowError } from '../../store-errors.ts'
import { uniqueTxids } from '../../txids.ts'
import { incrementHandler } from '../pages/increment.ts'
import { clearPages } from '../pruning/preserve.ts'

/**
 * Says of transactions that they are mined on the longest chain, or no longer are (semantics 3.17). In either
 * case the delete-at-height is judged anew by the record's own rule: what is no longer on the longest chain must
 * not be pruned. All are tried before a failure is thrown; a missing transaction is one.
 */
export async function markTransactionsOnLongestChain(
  context: StoreContext,
  txids: Sliceable<Uint8Array>,
  onLongestChain: boolean,
  signal: AbortSignal | undefined,
  onProgress?: OnProgress,
): Promise<void> {
  const { height } = context.blockState.current
  // From a height of 0 a delete-at-height would lie in the past.
  if (height === 0)
    throw new InvalidArgumentError('block state', 'set before transactions are marked', height)
  const { maxMinedBatchSize: size, maxMinedRoutines: lanes } = context.settings
  const failures = new FailureTally()
  // What follows a batch of masters takes batches of its own: only one batch's are on their way at a time.
  const followUps = new OneAtATime()
  await forChunks(txids, { size, lanes, signal, onProgress }, async chunk => {
    const wanted = uniqueTxids(chunk)
    const errors = await mapRows(context, wanted, signal, {
      toRow: txid => markRow(context, txid, onLongestChain, height),
      describe: txid => `marking ${txidToHex(txid)}`,
      read: markError,
    })
    failures.addAll(errors.filter(error => error !== undefined))
    const marked = wanted.filter((_, index) => errors[index] === undefined)
    await followUps.run(async () => {
      failures.addAll(await judgeAnew(context, marked, height))
      // Also where nothing changed: a call that was interrupted may have left the pages for this one.
      if (!onLongestChain) failures.addAll((await clearPages(context, marked, undefined)).values())
    })
  })
  failures.throwIfAny(txids.length, 'transactions could not be marked')
}

/**
 * Off the chain a transaction is unmined since a while ago: a reorganisation must not make an old one look new,
 * nor move the height of one that has been unmined before (incident #1768). 0 is never written, for no query
 * finds it (lesson 61).
 */
function markRow(
  { set, settings }: StoreContext,
  txid: Uint8Array,
  onLongestChain: boolean,
  height: number,
): WriteRow {
  const bin = BINS.unminedSince
  const row = { kind: 'write', key: { set, userKey: masterKey(txid) }, exists: 'update-only' } as const
  if (onLongestChain) return { ...row, operations: [{ kind: 'unset', bin }] }
  const value = Math.max(1, height - settings.unminedTxRetention)
  return { ...row, operations: [{ kind: 'put', bin, value }], filter: { not: { binExists: bin } } }
}

function markError(txid: Uint8Array, answer: RowAnswer | StoreError): StoreError | undefined {
  if (answer instanceof StoreError) return answer
  const { status, inDoubt } = answer
  if (status === RESULT_CODES.OK || status === RESULT_CODES.FILTERED_OUT) return undefined
  if (status === RESULT_CODES.NOT_FOUND) return new RecordNotFoundError(txid)
  return rowError(`marking ${txidToHex(txid)}`, status, inDoubt)
}

/** Counting no page has a master's rule judged, and its pages follow. Finished whatever becomes of the caller. */
async function judgeAnew(
  context: StoreContext,
  txids: readonly Uint8Array[],
  height: number,
): Promise<StoreError[]> {
  const requests = txids.map(txid => ({ txid, change: 0, height }))
  const outcomes = await handleNow(context, 'marking', incrementHandler(context), requests)
  return outcomes.flatMap(outcome =>
    outcome.status === 'rejected' ? [asStoreError(outcome.reason, 'judging a delete-at-height anew')] : [],
  )
}
