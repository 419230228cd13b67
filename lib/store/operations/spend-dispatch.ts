import type { BatchHandler, BatchItem } from '../../batching/index.ts'
import { outpointKey, txidKey, txidToHex } from '../../bitcoin/index.ts'
import { StoreError } from '../../errors/index.ts'
import { decodeSpendingData, pageKey, recordNumber, slotOffset } from '../../record/index.ts'
import { type ApplyRow, RESULT_CODES, type RowAnswer } from '../../transport/index.ts'
import type { StoreContext } from '../store-context.ts'
import { asStoreError, missingAnswerError, rowError, UtxoSpentError } from '../store-errors.ts'
import { parseUdfResponse, type UdfItemError, type UdfResponse } from '../udf/udf-response.ts'
import { followUpSignals, type RecordSignal } from './page-accounting.ts'
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
}

type SpendItem = BatchItem<SpendRequest, void>

/**
 * Spends a batch of inputs: at most one claim for each outpoint goes to the server, one `spendMulti` call for
 * each record, where the verdict falls atomically (lua/utxo/spend.lua).
 */
export function spendHandler(context: StoreContext): BatchHandler<SpendRequest, void> {
  return async (items, dispatch) => {
    const groups = groupByRecord(context, refuseLaterClaims(items))
    let answers: readonly (RowAnswer | undefined)[]
    try {
      answers = await context.operate(groups.map(group => spendMultiRow(context, group)))
    } catch (error) {
      const failure = asStoreError(error, 'the batch failed', { code: 'STORAGE_ERROR' })
      for (const group of groups) settle(group, failure)
      return
    }
    const signalled: { group: RecordGroup; verdict: Verdict; signal: RecordSignal }[] = []
    for (const [index, group] of groups.entries()) {
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
  const first = new Map<string, SpendItem>()
  return items.filter(item => {
    const { txid, vout, utxoHash, spendingData } = item.request
    // By the hash as well: a claim that the server will refuse for its hash must not refuse an honest one.
    const output = outpointKey(txid, vout) + txidKey(utxoHash)
    const winner = first.get(output)
    if (winner === undefined) {
      first.set(output, item)
      return true
    }
    if (Buffer.compare(winner.request.spendingData, spendingData) === 0) return true
    const spentBy = decodeSpendingData(winner.request.spendingData)
    item.fail(
      new UtxoSpentError(
        `output ${txidToHex(txid)}:${vout} is spent by ${txidToHex(spentBy.txid)}, first seen`,
        {
          txid,
          vout,
          utxoHash,
          spendingData: spentBy,
        },
      ),
    )
    return false
  })
}

/** Inputs that one call can spend: of one record, at one height, with the same flags. */
interface RecordGroup {
  readonly txid: Uint8Array
  readonly userKey: Uint8Array
  readonly blockHeight: number
  readonly flags: SpendFlags
  readonly items: SpendItem[]
}

function groupByRecord(context: StoreContext, items: readonly SpendItem[]): RecordGroup[] {
  const groups = new Map<string, RecordGroup>()
  for (const item of items) {
    const { txid, vout, blockHeight, flags } = item.request
    try {
      const page = recordNumber(vout, context.settings.utxoBatchSize)
      const id = `${txidKey(txid)}${page}/${blockHeight}/${flagText(flags)}`
      const group = groups.get(id)
      if (group === undefined)
        groups.set(id, { txid, userKey: pageKey(txid, page), blockHeight, flags, items: [item] })
      else group.items.push(item)
    } catch (error) {
      item.fail(asStoreError(error, `spending ${txidToHex(txid)}:${vout}`, { code: 'PROCESSING' }))
    }
  }
  return [...groups.values()]
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
    if (verdict === 'spent') item.succeed()
    else if (verdict instanceof StoreError) item.fail(verdict)
    else {
      const error = verdict.get(idx)
      // A partial success: what has no entry was applied, although the status says ERROR (semantics 2.2).
      if (error === undefined) item.succeed()
      else item.fail(itemError(item.request, error))
    }
  }
}
