import type { StoreError } from '../../../errors/index.ts'
import { heightAfter, isFrozenSentinel, SPENDING_DATA_BYTES, slotOffset } from '../../../record/index.ts'
import type { ExecuteRow, RowAnswer } from '../../../transport/index.ts'
import type { Admission, ProbeOutcome } from '../../context/circuit-breaker.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { isUndecided } from '../../dispatch/filtered-first.ts'
import { callOutcome, rowOutcome } from '../../dispatch/server-trouble.ts'
import { asStoreError } from '../../store-errors.ts'
import type { FilterYield } from './filter-yield.ts'
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
 * delete-at-height in one atomic change of the record. Answers the inputs that this decides. Those that a filter
 * did not let through are as they were; they are returned, for Lua to give the verdict.
 *
 * A row that is sent twice, because its first answer was lost, finds its output spent the second time and goes
 * the same way: Lua takes the repetition as the same spend.
 */
export async function spendFiltered(
  context: StoreContext,
  all: readonly RecordGroup[],
  filterYield: FilterYield,
): Promise<RecordGroup[]> {
  const undecided: RecordGroup[] = []
  const groups: RecordGroup[] = []
  const rows: ExecuteRow[] = []
  for (const group of all) {
    const own = plainRows(context, group)
    if (own === undefined) undecided.push(group)
    else {
      groups.push(group)
      rows.push(...own)
    }
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
    const { decided, admissions, outcome, open } = decisionOf(group, answers, next)
    next += group.items.length
    // Once for the record, as for a Lua call; and before the callers are told, who give their leaves back then.
    if (decided.length > 0) context.spendBreaker.report(admissions, outcome)
    for (const { item, error } of decided) {
      if (error === undefined) item.succeed()
      else item.fail(error)
    }
    if (open === undefined) continue
    left += open.items.length
    undecided.push(open)
  }
  filterYield.record(rows.length, rows.length - left)
  return undecided
}

/** The rows of a group's inputs, in order; undefined where they are for Lua, which names what is malformed. */
function plainRows(context: StoreContext, group: RecordGroup): ExecuteRow[] | undefined {
  const { items } = group
  if (items.length > ROWS_PER_RECORD_MAX) return undefined
  try {
    if (!items.every(({ request }) => isWellFormed(request))) return undefined
    return items.map(({ request }) => spendRow(context, group, request))
  } catch {
    return undefined
  }
}

function isWellFormed({ utxoHash, spendingData }: SpendRequest): boolean {
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

/** What became of the rows of a group. */
interface Decision {
  /** The inputs that were answered, each with its error where it has one. */
  readonly decided: { readonly item: SpendItem; readonly error: StoreError | undefined }[]
  /** The circuit breaker's leaves of these. */
  readonly admissions: Admission[]
  readonly outcome: ProbeOutcome
  /** The inputs that were not, where there are any. */
  readonly open: RecordGroup | undefined
}

/** Which inputs have a verdict; the answers of the group begin at `first`. */
function decisionOf(
  group: RecordGroup,
  answers: readonly (RowAnswer | undefined)[],
  first: number,
): Decision {
  let open: RecordGroup | undefined
  const decided: Decision['decided'] = []
  const admissions: Admission[] = []
  let outcome: ProbeOutcome = 'answered'
  for (const [index, item] of group.items.entries()) {
    const answer = answers[first + index]
    const admission = group.admissions[index]
    if (isUndecided(answer)) {
      open ??= { ...group, items: [], admissions: [] }
      open.items.push(item)
      open.admissions.push(admission)
      continue
    }
    if (admission !== undefined) admissions.push(admission)
    outcome = worse(outcome, rowOutcome(answer))
    decided.push({ item, error: statusError(group.txid, answer) })
  }
  return { decided, admissions, outcome, open }
}

function worse(one: ProbeOutcome, other: ProbeOutcome): ProbeOutcome {
  if (one === 'failed' || other === 'failed') return 'failed'
  return one === 'answered' ? other : one
}
