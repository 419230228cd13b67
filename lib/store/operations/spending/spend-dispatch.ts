import type { BatchHandler, BatchItem } from '../../../batching/index.ts'
import { outpointKey, txidKey, txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { decodeSpendingData, pageKey, recordNumber, slotOffset } from '../../../record/index.ts'
import { type ApplyRow, RESULT_CODES, type RowAnswer } from '../../../transport/index.ts'
import type { Admission } from '../../context/circuit-breaker.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { callOutcome, rowOutcome } from '../../dispatch/server-trouble.ts'
import { asStoreError, missingAnswerError, rowError, UtxoSpentError } from '../../store-errors.ts'
import { parseUdfResponse, type UdfItemError, type UdfResponse } from '../../udf/udf-response.ts'
import { followUpSignals } from '../pages/page-accounting.ts'
import type { RecordSignal } from '../pages/record-signal.ts'
import { itemError, recordError } from './spend-verdicts.ts'

/** What a spend may pass over. */
export interface SpendFlags {
  readonly ignoreConflicting: boolean
  readonly ignoreLocked: boolean
  readonly ignorePolicyFreeze: boolean
  readonly ignoreConsensusFreeze: boolean
}

/** One input: the outpoint it spends, the hash that the output must have, and who spends it. */
export interface SpendRequest {
  readonly txid: Uint8Array
  readonly vout: number
  readonly utxoHash: Uint8Array
  readonly spendingData: Uint8Array
  readonly blockHeight: number
  readonly flags: SpendFlags
  /** The circuit breaker's leave to send it; absent where it was not asked. */
  admission?: Admission | undefined
}

type SpendItem = BatchItem<SpendRequest, void>

/**
 * Spends a batch of inputs: at most one claim for each outpoint goes to the server, one `spendMulti` call for
 * each record, where the verdict falls atomically (lua/utxo/spend.lua).
 */
export function spendHandler(context: StoreContext): BatchHandler<SpendRequest, void> {
  return async (items, dispatch) => {
    const { groups, rows } = groupRows(context, groupByRecord(context, refuseLaterClaims(items)))
    let answers: readonly (RowAnswer | undefined)[]
    try {
      answers = await context.operate(rows)
    } catch (error) {
      const failure = asStoreError(error, 'the batch failed', { code: 'STORAGE_ERROR' })
      context.spendBreaker.report(
        groups.flatMap(({ admissions }) => admissions),
        callOutcome(failure),
      )
      for (const group of groups) settle(group, failure)
      return
    }
    const signalled: { group: RecordGroup; verdict: Verdict; signal: RecordSignal }[] = []
    for (const [index, group] of groups.entries()) {
      context.spendBreaker.report(group.admissions, rowOutcome(answers[index]))
      const { verdict, signal } = judge(group, answers[index])
      if (signal === undefined) settle(group, verdict)
      else signalled.push({ group, verdict, signal })
    }
    if (signalled.length === 0) return
    const signals = signalled.map(({ signal }) => signal)
    await followUpSignals(context, signals, dispatch.signal)
    for (const { group, verdict } of signalled) settle(group, verdict)
  }
}

/**
 * First seen wins within the batch, too: the first claim on an output (outpoint and hash) goes on, a later one by another
 * transaction is refused with the first as winner. The same claim twice goes through; the server takes it
 * as one (semantics 3.5, lesson 34).
 */
function refuseLaterClaims(items: readonly SpendItem[]): SpendItem[] {
  /** Spending data of the first claim on each output. */
  const first = new Map<string, Uint8Array>()
  return items.filter(item => {
    try {
      const { txid, vout, utxoHash, spendingData } = item.request
      // By the hash as well: a claim that the server will refuse for its hash must not refuse an honest one.
      const output = outpointKey(txid, vout) + txidKey(utxoHash)
      const winner = first.get(output)
      if (winner === undefined) first.set(output, spendingData)
      else if (Buffer.compare(winner, spendingData) !== 0) {
        item.fail(lostTo(winner, { txid, vout, utxoHash }))
        return false
      }
      return true
    } catch (error) {
      item.fail(asStoreError(error, 'spending', { code: 'PROCESSING' }))
      return false
    }
  })
}

function lostTo(
  winner: Uint8Array,
  output: { txid: Uint8Array; vout: number; utxoHash: Uint8Array },
): UtxoSpentError {
  const spendingData = decodeSpendingData(winner)
  const what = `output ${txidToHex(output.txid)}:${output.vout}`
  return new UtxoSpentError(`${what} is spent by ${txidToHex(spendingData.txid)}, first seen`, {
    ...output,
    spendingData,
  })
}

/** Inputs that one call can spend: of one record, at one height, with the same flags. */
interface RecordGroup {
  readonly txid: Uint8Array
  readonly userKey: Uint8Array
  readonly blockHeight: number
  readonly flags: SpendFlags
  readonly items: SpendItem[]
  readonly admissions: Admission[]
}

function groupByRecord(context: StoreContext, items: readonly SpendItem[]): RecordGroup[] {
  const groups = new Map<string, RecordGroup>()
  for (const item of items) {
    try {
      const { txid, vout, blockHeight, flags, admission } = item.request
      const page = recordNumber(vout, context.settings.utxoBatchSize)
      const id = `${txidKey(txid)}${page}/${blockHeight}/${flagText(flags)}`
      const known = groups.get(id)
      const group = known ?? {
        txid,
        userKey: pageKey(txid, page),
        blockHeight,
        flags,
        items: [],
        admissions: [],
      }
      if (known === undefined) groups.set(id, group)
      group.items.push(item)
      if (admission !== undefined) group.admissions.push(admission)
    } catch (error) {
      item.fail(asStoreError(error, 'spending', { code: 'PROCESSING' }))
    }
  }
  return [...groups.values()]
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
      settle(group, asStoreError(error, 'spending', { code: 'PROCESSING' }))
      return false
    }
  })
  return { groups, rows }
}

function flagText(flags: SpendFlags): string {
  return [flags.ignoreConflicting, flags.ignoreLocked, flags.ignorePolicyFreeze, flags.ignoreConsensusFreeze]
    .map(Number)
    .join('')
}

/** Arguments of `spendMulti` (semantics 2.2); idx is the item's place in its group. */
function spendMultiRow(context: StoreContext, { userKey, blockHeight, flags, items }: RecordGroup): ApplyRow {
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
    module: context.udfModule,
    function: 'spendMulti',
    args: [spends, flags.ignoreConflicting, flags.ignoreLocked, blockHeight, context.retention],
  }
}

/** How the items of a group fared: all well, all with one error, or errors by place in the group. */
type Verdict = 'spent' | StoreError | ReadonlyMap<number, UdfItemError>

/** Reads a group's verdict from its row's answer, by the table of semantics 3.5. */
function judge(
  group: RecordGroup,
  answer: RowAnswer | undefined,
): { verdict: Verdict; signal?: RecordSignal } {
  const what = `spending outputs of ${txidToHex(group.txid)}`
  if (answer === undefined) return { verdict: missingAnswerError(what) }
  if (answer.status === RESULT_CODES.NOT_FOUND)
    return { verdict: recordError(group.txid, 'TX_NOT_FOUND', undefined) }
  if (answer.status !== 0) return { verdict: rowError(what, answer.status, answer.inDoubt) }
  try {
    const { status, errorCode, message, errors, signal, childCount } = parseUdfResponse(answer.bins)
    const verdict =
      status === 'OK'
        ? 'spent'
        : (failedVerdict(group, errors) ?? recordError(group.txid, errorCode, message))
    if (signal === undefined) return { verdict }
    return { verdict, signal: { txid: group.txid, signal, childCount, height: group.blockHeight } }
  } catch (error) {
    return { verdict: asStoreError(error, what, { code: 'PROCESSING' }) }
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

function settle(group: RecordGroup, verdict: Verdict): void {
  for (const [idx, item] of group.items.entries()) {
    // A partial success: what has no entry was applied, although the status says ERROR (semantics 2.2).
    const error = verdict instanceof Map ? verdict.get(idx) : verdict
    if (error === undefined || error === 'spent') item.succeed()
    else item.fail(error instanceof StoreError ? error : errorOf(item, error))
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
