import type { BatchHandler, BatchItem } from '../../../batching/index.ts'
import { requireTxid, txidKey, txidToHex } from '../../../bitcoin/index.ts'
import { InvalidArgumentError, StoreError } from '../../../errors/index.ts'
import { masterKey } from '../../../record/index.ts'
import { RESULT_CODES, type RowAnswer } from '../../../transport/index.ts'
import type { IncrementRequest } from '../../context/follow-up-pools.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { asStoreError, missingAnswerError, RecordNotFoundError, rowError } from '../../store-errors.ts'
import { parseUdfResponse } from '../../udf/udf-response.ts'
import { carryDeleteAtHeights } from './delete-at-height-carrier.ts'
import { withMissedSignals } from './missed-signals.ts'
import type { RecordSignal } from './record-signal.ts'

export function checkIncrement(change: number): void {
  if (!Number.isSafeInteger(change)) throw new InvalidArgumentError('change', 'a whole number', change)
}

type IncrementItem = BatchItem<IncrementRequest, void>

/** All changes of one master in a batch. */
interface MasterChange {
  readonly txid: Uint8Array
  readonly items: IncrementItem[]
  change: number
  height: number
  spentPages: number
  openPages: number
}

/**
 * Counts fully spent pages on their masters, and carries on what those answer: a transaction that has become
 * prunable, or has ceased to be, says so to its pages before the items are answered.
 */
export function incrementHandler(context: StoreContext): BatchHandler<IncrementRequest, void> {
  return async items => {
    const masters = changesByMaster(items)
    let answers: readonly (RowAnswer | undefined)[]
    try {
      // Counted twice when repeated (semantics 6.2).
      answers = await context.operate(
        masters.map(master => incrementRow(context, master)),
        { once: true },
      )
    } catch (error) {
      const failure = asStoreError(error, 'the batch failed', { code: 'STORAGE_ERROR' })
      for (const { items: changed } of masters) for (const item of changed) item.fail(failure)
      return
    }
    const verdicts = masters.map((master, index) => judge(master, answers[index]))
    const { signals, failures: unread } = await withMissedSignals(
      context,
      verdicts.flatMap(({ signal }) => signal ?? []),
    )
    const failures = new Map([...unread, ...(await carryDeleteAtHeights(context, signals))])
    for (const [index, { txid, items: changed }] of masters.entries()) {
      const error = verdicts[index]?.error ?? failures.get(txidToHex(txid))
      for (const item of changed) {
        if (error === undefined) item.succeed()
        else item.fail(error)
      }
    }
  }
}

/**
 * Changes of one master are added up: the rows of a batch run in any order, and the counter, which is kept
 * within its range, would come out differently.
 */
function changesByMaster(items: readonly IncrementItem[]): MasterChange[] {
  const masters = new Map<string, MasterChange>()
  for (const item of items) {
    try {
      const { txid, change, height, spentPages = 0, openPages = 0 } = item.request
      const id = txidKey(requireTxid(txid))
      const master = masters.get(id) ?? {
        txid,
        items: [],
        change: 0,
        height: 0,
        spentPages: 0,
        openPages: 0,
      }
      masters.set(id, master)
      master.items.push(item)
      master.change += change
      master.height = Math.max(master.height, height)
      master.spentPages = Math.max(master.spentPages, spentPages)
      master.openPages = Math.max(master.openPages, openPages)
    } catch (error) {
      item.fail(asStoreError(error, 'counting spent pages', { code: 'PROCESSING' }))
    }
  }
  return [...masters.values()]
}

/** Who only looks has not changed anything, and wants to hear how the master stands. */
function incrementRow(context: StoreContext, { txid, change, height, spentPages, openPages }: MasterChange) {
  return {
    kind: 'apply',
    key: { set: context.set, userKey: masterKey(txid) },
    module: context.modules.main,
    function: 'incrementSpentExtraRecs',
    args: [change, height, context.retention, spentPages, openPages, change === 0],
  } as const
}

interface Verdict {
  readonly error?: StoreError
  readonly signal?: RecordSignal
}

function judge({ txid, height }: MasterChange, answer: RowAnswer | undefined): Verdict {
  const what = `counting the spent pages of ${txidToHex(txid)}`
  if (answer === undefined) return { error: missingAnswerError(what) }
  if (answer.status === RESULT_CODES.NOT_FOUND) return { error: new RecordNotFoundError(txid) }
  if (answer.status !== 0) return { error: rowError(what, answer.status, answer.inDoubt) }
  try {
    const { status, errorCode, message, signal, childCount } = parseUdfResponse(answer.bins)
    if (errorCode === 'TX_NOT_FOUND') return { error: new RecordNotFoundError(txid) }
    if (status !== 'OK')
      return { error: new StoreError('STORAGE_ERROR', `${what}: ${errorCode} (${message})`) }
    return signal === undefined ? {} : { signal: { txid, signal, childCount, height } }
  } catch (error) {
    return { error: asStoreError(error, what, { code: 'PROCESSING' }) }
  }
}
