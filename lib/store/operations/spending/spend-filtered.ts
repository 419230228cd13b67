import { heightAfter, isFrozenSentinel, SPENDING_DATA_BYTES, slotOffset } from '../../../record/index.ts'
import type { ExecuteRow, RowAnswer } from '../../../transport/index.ts'
import type { ProbeOutcome } from '../../context/circuit-breaker.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { isUndecided } from '../../dispatch/filtered-first.ts'
import { callOutcome, rowOutcome } from '../../dispatch/server-trouble.ts'
import { asStoreError, isInDoubt } from '../../store-errors.ts'
import {
  admissionsOf,
  type RecordGroup,
  type SpendItem,
  type SpendRequest,
  statusError,
} from './record-groups.ts'
import { statementOf } from './spend-statements.ts'

const HASH_BYTES = 32
/** With more inputs of one record a single Lua call is cheaper, and rows that wait for one record are refused in time. */
const ROWS_PER_RECORD_MAX = 4

/**
 * Spends by one filtered write for each input: checked, written, counted and, with the last output, given its
 * delete-at-height in one atomic change of the record. Answers the inputs that this decides. Where the filter, or the
 * condition on the slot, is not met the record is as it was; those inputs are returned, for Lua to give the verdict.
 *
 * A row that is sent twice, because its first answer was lost, finds its output spent the second time and goes
 * the same way: Lua takes the repetition as the same spend.
 */
export async function spendFiltered(
  context: StoreContext,
  all: readonly RecordGroup[],
): Promise<RecordGroup[]> {
  const undecided: RecordGroup[] = []
  const groups: RecordGroup[] = []
  const rows: ExecuteRow[] = []
  for (const group of all) {
    if (addRows(rows, context, group)) groups.push(group)
    else undecided.push(group)
  }
  let answers: readonly (RowAnswer | undefined)[]
  try {
    answers = await context.operate(rows)
  } catch (error) {
    const failure = asStoreError(error, 'the batch failed', { code: 'STORAGE_ERROR' })
    context.spendBreaker.report(admissionsOf(groups), callOutcome(failure))
    for (const { items } of groups) for (const item of items) item.fail(failure)
    return undecided
  }
  let next = 0
  let left = 0
  for (const group of groups) {
    const open = settleDecided(context, group, answers, next)
    next += group.items.length
    if (open === undefined) continue
    left += open.items.length
    undecided.push(open)
  }
  context.filterYields.spend.record(rows.length, rows.length - left)
  return undecided
}

/** Adds the rows of a group's inputs, in order; none, and false, where they are for Lua, which names what is malformed. */
function addRows(rows: ExecuteRow[], context: StoreContext, group: RecordGroup): boolean {
  const { items } = group
  if (items.length > ROWS_PER_RECORD_MAX) return false
  const before = rows.length
  try {
    if (!items.every(isWellFormed)) return false
    for (const { request } of items) rows.push(spendRow(context, group, request))
    return true
  } catch {
    rows.length = before
    return false
  }
}

function isWellFormed({ request: { utxoHash, spendingData } }: SpendItem): boolean {
  return (
    utxoHash instanceof Uint8Array &&
    utxoHash.length === HASH_BYTES &&
    spendingData instanceof Uint8Array &&
    spendingData.length === SPENDING_DATA_BYTES &&
    !isFrozenSentinel(spendingData)
  )
}

function spendRow(
  { set, settings, retention }: StoreContext,
  { userKey, blockHeight, flags }: RecordGroup,
  { vout, utxoHash, spendingData }: SpendRequest,
): ExecuteRow {
  return {
    kind: 'execute',
    key: { set, userKey },
    statement: statementOf(flags.ignoreLocked, retention),
    args: [
      slotOffset(vout, settings.utxoBatchSize),
      utxoHash,
      spendingData,
      heightAfter(blockHeight, retention),
    ],
  }
}

/**
 * Answers the inputs of a group that have a verdict; the answers to its rows begin at `first`. Returns the others, where
 * there are any.
 */
function settleDecided(
  context: StoreContext,
  group: RecordGroup,
  answers: readonly (RowAnswer | undefined)[],
  first: number,
): RecordGroup | undefined {
  const { txid, items, admissions } = group
  let open: (RecordGroup & { readonly doubtful: Set<SpendItem> }) | undefined
  let outcome: ProbeOutcome = 'answered'
  for (const [index, item] of items.entries()) {
    const answer = answers[first + index]
    if (isUndecided(answer)) {
      open ??= { ...group, items: [], admissions: [], doubtful: new Set() }
      open.items.push(item)
      if (isInDoubt(answer)) open.doubtful.add(item)
      open.admissions.push(admissions[index])
    } else outcome = worse(outcome, rowOutcome(answer))
  }
  // Once for the record, as for a Lua call; and before the callers are told, who give their leaves back then.
  if (open === undefined) context.spendBreaker.report(admissions, outcome)
  else if (open.items.length < items.length) {
    const decided = admissions.filter((_, index) => !isUndecided(answers[first + index]))
    context.spendBreaker.report(decided, outcome)
  }
  for (const [index, item] of items.entries()) {
    const answer = answers[first + index]
    if (isUndecided(answer)) continue
    const error = statusError(txid, answer)
    if (error === undefined) item.succeed('wrote')
    else item.fail(error)
  }
  return open
}

function worse(one: ProbeOutcome, other: ProbeOutcome): ProbeOutcome {
  if (one === 'failed' || other === 'failed') return 'failed'
  return one === 'answered' ? other : one
}
