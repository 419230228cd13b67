import type { BatchHandler } from '../../../batching/index.ts'
import { txidToHex } from '../../../bitcoin/index.ts'
import { type ErrorCode, StoreError } from '../../../errors/index.ts'
import { slotOffset } from '../../../record/index.ts'
import { type ApplyRow, RESULT_CODES, type RowAnswer } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { isFilteredFirst } from '../../dispatch/filtered-first.ts'
import { callOutcome, rowOutcome } from '../../dispatch/server-trouble.ts'
import { asStoreError, doubtfulError } from '../../store-errors.ts'
import { parseUdfResponse, type UdfItemError, type UdfResponse } from '../../udf/udf-response.ts'
import { followUpSignals } from '../pages/page-accounting.ts'
import type { RecordSignal } from '../pages/record-signal.ts'
import {
  admissionsOf,
  groupByRecord,
  type RecordGroup,
  type SpendAnswer,
  type SpendItem,
  type SpendRequest,
  statusError,
} from './record-groups.ts'
import { spendFiltered } from './spend-filtered.ts'
import { itemError, recordError } from './spend-verdicts.ts'

export type { SpendAnswer, SpendFlags, SpendRequest } from './record-groups.ts'

/**
 * Spends a batch of inputs: at most one claim for each outpoint goes to the server, where the verdict falls
 * atomically for each record: by a filtered write where nothing stands against the spend, and by Lua everywhere
 * else (semantics 2.10).
 */
export function spendHandler(context: StoreContext): BatchHandler<SpendRequest, SpendAnswer> {
  const isWanted = (): boolean =>
    isFilteredFirst(context, context.settings.enableSpendFilterExpressions) &&
    context.filterYields.spend.isWorthwhile()
  return async (items, dispatch) => {
    const groups = groupByRecord(context, items)
    const undecided = isWanted() ? await spendFiltered(context, groups) : groups
    await spendByLua(context, undecided.flatMap(stillWanted), dispatch.signal)
  }
}

/** Nothing is sent for callers who have gone meanwhile: nobody would undo it. */
function stillWanted(group: RecordGroup): RecordGroup[] {
  if (group.items.every(item => item.isOpen)) return [group]
  const open = group.items.flatMap((item, index) => (item.isOpen ? index : []))
  if (open.length === 0) return []
  const items = open.flatMap(index => group.items[index] ?? [])
  return [{ ...group, items, admissions: open.map(index => group.admissions[index]) }]
}

/** One `spendMulti` call for each record (lua/utxo/spend.lua). */
async function spendByLua(
  context: StoreContext,
  all: readonly RecordGroup[],
  signal: AbortSignal,
): Promise<void> {
  const { groups, rows } = groupRows(context, all)
  let answers: readonly (RowAnswer | undefined)[]
  try {
    answers = await context.operate(rows)
  } catch (error) {
    const failure = asStoreError(error, 'the batch failed', { code: 'STORAGE_ERROR' })
    context.spendBreaker.report(admissionsOf(groups), callOutcome(failure))
    for (const group of groups) fail(group, failure)
    return
  }
  const signalled: { group: RecordGroup; verdict: Verdict; signal: RecordSignal }[] = []
  for (const [index, group] of groups.entries()) {
    context.spendBreaker.report(group.admissions, rowOutcome(answers[index]))
    const { failure, verdict, signal } = judge(group, answers[index])
    if (failure !== undefined) fail(group, failure)
    else if (signal === undefined) settle(group, verdict)
    else signalled.push({ group, verdict, signal })
  }
  if (signalled.length === 0) return
  const signals = signalled.map(({ signal }) => signal)
  await followUpSignals(context, signals, signal)
  for (const { group, verdict } of signalled) settle(group, verdict)
}

/** The row of each group; a group that makes none fails alone. */
function groupRows(
  context: StoreContext,
  all: readonly RecordGroup[],
): { groups: RecordGroup[]; rows: ApplyRow[] } {
  const rows: ApplyRow[] = []
  const groups = all.filter(group => {
    try {
      rows.push(spendMultiRow(context, group))
      return true
    } catch (error) {
      fail(group, asStoreError(error, 'spending', { code: 'PROCESSING' }))
      return false
    }
  })
  return { groups, rows }
}

/**
 * Arguments of `spendMulti` (semantics 2.2); idx is the item's place in its group. By the last one a call that changes
 * nothing signals how its record stands.
 */
function spendMultiRow(context: StoreContext, group: RecordGroup): ApplyRow {
  const { txid, userKey, blockHeight, flags, items } = group
  const spends = items.map(({ request }, idx) => ({
    idx,
    offset: slotOffset(request.vout, context.settings.utxoBatchSize),
    vOut: request.vout,
    utxoHash: request.utxoHash,
    spendingData: request.spendingData,
    ...(flags.ignorePolicyFreeze ? { ignorePolicyFreeze: true } : {}),
    ...(flags.ignoreConsensusFreeze ? { ignoreConsensusFreeze: true } : {}),
  }))
  return {
    kind: 'apply',
    key: { set: context.set, userKey },
    module: context.modules.forSpendsOf(txid),
    function: 'spendMulti',
    args: [spends, flags.ignoreConflicting, flags.ignoreLocked, blockHeight, context.retention, true],
  }
}

/** How the items of a group fared: all well, all with one error, or errors by place in the group. */
type Verdict = 'spent' | StoreError | ReadonlyMap<number, UdfItemError>

type Judgement =
  | { readonly failure?: undefined; readonly verdict: Verdict; readonly signal?: RecordSignal }
  /** No verdict came. */
  | { readonly failure: StoreError; readonly verdict?: undefined; readonly signal?: undefined }

/** Reads a group's verdict from its row's answer, by the table of semantics 3.5. */
function judge(group: RecordGroup, answer: RowAnswer | undefined): Judgement {
  const failure = statusError(group.txid, answer)
  // That there is no record is a verdict: nothing of it is spent.
  if (failure !== undefined)
    return answer?.status === RESULT_CODES.NOT_FOUND ? { verdict: failure } : { failure }
  try {
    const { status, errorCode, message, errors, signal, childCount } = parseUdfResponse(answer?.bins)
    const verdict =
      status === 'OK'
        ? 'spent'
        : (failedVerdict(group, errors) ?? recordError(group.txid, errorCode, message))
    if (signal === undefined) return { verdict }
    const { txid, page, blockHeight: height } = group
    return { verdict, signal: { txid, page, signal, childCount, height } }
  } catch (error) {
    const what = `spending outputs of ${txidToHex(group.txid)}`
    return { failure: asStoreError(error, what, { code: 'PROCESSING' }) }
  }
}

/** The errors of single items; throws when one belongs to no item, for then nothing tells whose it is. */
function failedVerdict(group: RecordGroup, errors: UdfResponse['errors']): UdfResponse['errors'] {
  for (const idx of errors?.keys() ?? []) {
    if (group.items[idx] === undefined)
      throw new Error(`the answer has an error for item ${idx} of ${group.items.length}`)
  }
  return errors?.size === 0 ? undefined : errors
}

/** Ends the items of a group that has no verdict. */
function fail({ items, doubtful }: RecordGroup, failure: StoreError): void {
  for (const item of items) item.fail(doubtful?.has(item) ? doubtfulError(failure) : failure)
}

/**
 * Verdicts of Lua that it gives with a look at the slot: had an earlier attempt written that, they would not be these.
 * Others it gives before, by the record.
 */
const OF_THE_SLOT: ReadonlySet<ErrorCode> = new Set([
  'UTXO_SPENT',
  'UTXO_ERROR',
  'UTXO_HASH_MISMATCH',
  'UTXO_INVALID_SIZE',
  'TX_NOT_FOUND',
])

function refuse(group: RecordGroup, item: SpendItem, error: StoreError): void {
  const isDoubtful = group.doubtful?.has(item) === true && !OF_THE_SLOT.has(error.code)
  item.fail(isDoubtful ? doubtfulError(error) : error)
}

function settle(group: RecordGroup, verdict: Verdict): void {
  for (const [idx, item] of group.items.entries()) {
    // A partial success: what has no entry was applied, although the status says ERROR (semantics 2.2).
    const error = verdict instanceof Map ? verdict.get(idx) : verdict
    if (error === undefined || error === 'spent') item.succeed('held')
    else refuse(group, item, error instanceof StoreError ? error : errorOf(item, error))
  }
}

/** Naming a broken request must not throw in the place where its error is reported. */
function errorOf(item: SpendItem, error: UdfItemError): StoreError {
  try {
    return itemError(item.request, error)
  } catch (thrown) {
    return asStoreError(thrown, `spending: ${error.errorCode}`, { code: 'PROCESSING' })
  }
}
