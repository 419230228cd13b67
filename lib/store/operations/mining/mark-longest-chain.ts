import { txidToHex } from '../../../bitcoin/index.ts'
import { InvalidArgumentError, StoreError } from '../../../errors/index.ts'
import { BINS, masterKey } from '../../../record/index.ts'
import { RESULT_CODES, type RowAnswer, type WriteOperation, type WriteRow } from '../../../transport/index.ts'
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
    const outcomes = onLongestChain
      ? await sendRows(context, wanted, signal, txid => minedRow(context, txid))
      : await takeOffChain(context, wanted, signal, height)
    failures.addAll(outcomes.filter(outcome => outcome instanceof StoreError))
    const marked = wanted.filter((_, index) => !(outcomes[index] instanceof StoreError))
    await followUps.run(async () => {
      failures.addAll(await judgeAnew(context, marked, height))
      // Also where nothing changed: a call that was interrupted may have left the pages for this one.
      if (!onLongestChain) failures.addAll((await clearPages(context, marked, undefined)).values())
    })
  })
  failures.throwIfAny(txids.length, 'transactions could not be marked')
}

/** What became of a row: `kept` where the record did not meet its filter. */
type MarkOutcome = 'marked' | 'kept' | StoreError

/**
 * Off the chain a transaction is unmined since a while ago: a reorganisation must not make an old one look new,
 * nor move the height of one that has been unmined before (incident #1768). 0 is never written, for no query
 * finds it (lesson 61).
 *
 * Its delete-at-height goes in the same write: a process that dies right after leaves nothing that is due. A transaction
 * that conflicts keeps the height that it has.
 */
async function takeOffChain(
  context: StoreContext,
  txids: readonly Uint8Array[],
  signal: AbortSignal | undefined,
  height: number,
): Promise<MarkOutcome[]> {
  const value = Math.max(1, height - context.settings.unminedTxRetention)
  const mark = { kind: 'put', bin: BINS.unminedSince, value } as const
  const outcomes = await sendRows(context, txids, signal, txid => ({
    ...updateRow(context, txid, [mark, { kind: 'unset', bin: BINS.deleteAtHeight }]),
    filter: { and: [IS_MINED, IS_UNDISPUTED] },
  }))
  const kept = txids.filter((_, index) => outcomes[index] === 'kept')
  const again = await sendRows(context, kept, signal, txid => ({
    ...updateRow(context, txid, [mark]),
    filter: IS_MINED,
  }))
  const rest = again.values()
  return outcomes.map(outcome => (outcome === 'kept' ? (rest.next().value ?? outcome) : outcome))
}

const IS_MINED = { not: { binExists: BINS.unminedSince } } as const
const IS_UNDISPUTED = { compare: 'eq', left: { boolBin: BINS.conflicting }, right: false } as const

function minedRow(context: StoreContext, txid: Uint8Array): WriteRow {
  return updateRow(context, txid, [{ kind: 'unset', bin: BINS.unminedSince }])
}

function updateRow({ set }: StoreContext, txid: Uint8Array, operations: readonly WriteOperation[]): WriteRow {
  return { kind: 'write', key: { set, userKey: masterKey(txid) }, exists: 'update-only', operations }
}

function sendRows(
  context: StoreContext,
  txids: readonly Uint8Array[],
  signal: AbortSignal | undefined,
  toRow: (txid: Uint8Array) => WriteRow,
): Promise<MarkOutcome[]> {
  return mapRows(context, txids, signal, {
    toRow,
    describe: txid => `marking ${txidToHex(txid)}`,
    read: outcomeOf,
  })
}

function outcomeOf(txid: Uint8Array, answer: RowAnswer | StoreError): MarkOutcome {
  if (answer instanceof StoreError) return answer
  const { status, inDoubt } = answer
  if (status === RESULT_CODES.OK) return 'marked'
  if (status === RESULT_CODES.FILTERED_OUT) return 'kept'
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
