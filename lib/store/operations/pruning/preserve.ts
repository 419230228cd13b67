import { txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { BINS, decodeMetadata, masterKey } from '../../../record/index.ts'
import { RESULT_CODES, type RowAnswer } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { asStoreError, rowError, throwFailures } from '../../store-errors.ts'
import { parseUdfResponse } from '../../udf/udf-response.ts'
import type { PagedTransaction } from '../pages/delete-at-height-carrier.ts'
import { writePages } from '../pages/page-writes.ts'
import { AT_RISK, preserveFiltered } from './preserve-statement.ts'

/** What became of the transactions of a call. */
export interface PreserveCounts {
  readonly preserved: number
  /** Not at risk, since they have neither a delete-at-height nor a preservation, or not in the store. */
  readonly passedOver: number
  /** Refused by the server or damaged; each is in the log. */
  readonly failed: number
}

type Preservation =
  | { readonly state: 'preserved'; readonly txid: Uint8Array; readonly isExternal: boolean }
  | { readonly state: 'passed over' }
  | { readonly state: 'failed'; readonly txid: Uint8Array; readonly error: StoreError }
  /** The batch itself failed, or gave no answer: nothing is known of the record. */
  | { readonly state: 'unknown'; readonly error: StoreError }

/**
 * Keeps transactions from being pruned up to a height: the delete-at-height of the master goes, and that of its
 * pages, which the pruner would take one by one. A record that fails is logged and counted, a batch that fails
 * is thrown after all were tried.
 */
export async function preserveTransactions(
  context: StoreContext,
  txids: readonly Uint8Array[],
  height: number,
  signal: AbortSignal | undefined,
): Promise<PreserveCounts> {
  const outcomes = await mapRows(context, txids, signal, {
    toRow: txid => ({
      kind: 'apply',
      key: { set: context.set, userKey: masterKey(txid) },
      module: context.modules.main,
      function: 'preserveUntil',
      args: [height],
      filter: AT_RISK,
    }),
    describe: txid => `preserving ${txidToHex(txid)}`,
    read: judge,
    filtered: preserveFiltered(context, height),
  })
  const preserved = outcomes.filter(outcome => outcome.state === 'preserved')
  const external = preserved.filter(({ isExternal }) => isExternal).map(({ txid }) => txid)
  const pageFailures = await clearPages(context, external, signal)
  const failures = new Map(pageFailures)
  for (const outcome of outcomes)
    if (outcome.state === 'failed') failures.set(txidToHex(outcome.txid), outcome.error)
  for (const [txid, error] of failures) {
    context.logger.error(
      { event: 'preserve_failed', txid, err: error },
      'a transaction could not be preserved, or not all of its pages',
    )
  }
  throwFailures(
    outcomes.flatMap(outcome => (outcome.state === 'unknown' ? [outcome.error] : [])),
    txids.length,
    'transactions may not be preserved',
  )
  return {
    preserved: preserved.length - pageFailures.size,
    passedOver: outcomes.filter(({ state }) => state === 'passed over').length,
    failed: failures.size,
  }
}

function judge(txid: Uint8Array, answer: RowAnswer | StoreError): Preservation {
  const what = `preserving ${txidToHex(txid)}`
  if (answer instanceof StoreError) return { state: 'unknown', error: answer }
  const { status, inDoubt } = answer
  if (status === RESULT_CODES.FILTERED_OUT || status === RESULT_CODES.NOT_FOUND)
    return { state: 'passed over' }
  if (status !== RESULT_CODES.OK) return { state: 'failed', txid, error: rowError(what, status, inDoubt) }
  try {
    const { status: verdict, errorCode, message, signal } = parseUdfResponse(answer.bins)
    if (verdict === 'OK') return { state: 'preserved', txid, isExternal: signal === 'PRESERVE' }
    if (errorCode === 'TX_NOT_FOUND') return { state: 'passed over' }
    return {
      state: 'failed',
      txid,
      error: new StoreError('STORAGE_ERROR', `${what}: ${errorCode} (${message})`),
    }
  } catch (error) {
    return { state: 'failed', txid, error: asStoreError(error, what, { code: 'PROCESSING' }) }
  }
}

/**
 * Takes the delete-at-height from the pages of masters that have none themselves. Returns the failures by
 * display-hex txid.
 */
export async function clearPages(
  context: StoreContext,
  txids: readonly Uint8Array[],
  signal: AbortSignal | undefined,
): Promise<Map<string, StoreError>> {
  const masters = await mapRows(context, txids, signal, {
    toRow: txid => ({
      kind: 'read',
      key: { set: context.set, userKey: masterKey(txid) },
      bins: [BINS.totalExtraRecs, BINS.deleteAtHeight],
    }),
    describe: txid => `reading ${txidToHex(txid)}`,
    read: pagesToClear,
  })
  const failures = new Map<string, StoreError>()
  for (const [index, txid] of txids.entries()) {
    const master = masters[index]
    if (master instanceof StoreError) failures.set(txidToHex(txid), master)
  }
  const writes = masters.flatMap(master =>
    master === undefined || master instanceof StoreError || master.pages === 0
      ? []
      : [{ ...master, operations: [{ kind: 'unset', bin: BINS.deleteAtHeight } as const] }],
  )
  for (const [txid, error] of await writePages(context, writes, signal)) failures.set(txid, error)
  return failures
}

/** Undefined for a master that is gone, or that has a delete-at-height by now, which its pages then share. */
function pagesToClear(
  txid: Uint8Array,
  answer: RowAnswer | StoreError,
): PagedTransaction | StoreError | undefined {
  const what = `reading ${txidToHex(txid)}`
  if (answer instanceof StoreError) return answer
  if (answer.status === RESULT_CODES.NOT_FOUND) return undefined
  if (answer.status !== RESULT_CODES.OK) return rowError(what, answer.status, answer.inDoubt)
  try {
    const { totalExtraRecs = 0, deleteAtHeight } = decodeMetadata(answer.bins ?? {}, [
      'totalExtraRecs',
      'deleteAtHeight',
    ])
    return deleteAtHeight === undefined ? { txid, pages: totalExtraRecs } : undefined
  } catch (error) {
    return asStoreError(error, what, { code: 'STORAGE_ERROR' })
  }
}
