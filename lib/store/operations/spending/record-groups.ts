import type { BatchItem } from '../../../batching/index.ts'
import { requireTxid, txidToHex } from '../../../bitcoin/index.ts'
import type { StoreError } from '../../../errors/index.ts'
import { pageKey, recordNumber } from '../../../record/index.ts'
import { RESULT_CODES, type RowAnswer } from '../../../transport/index.ts'
import type { Admission } from '../../context/circuit-breaker.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { asStoreError, missingAnswerError, rowError } from '../../store-errors.ts'
import { TxidTable } from '../../txid-table.ts'
import { ClaimedTransaction } from './claimed-transaction.ts'
import { recordError } from './spend-verdicts.ts'

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

/**
 * How a spend succeeded: this attempt `wrote` it, or the output was found to be the transaction's. Lua does not tell the
 * two apart, so that what it answers counts as `held`.
 */
export type SpendAnswer = 'wrote' | 'held'

export type SpendItem = BatchItem<SpendRequest, SpendAnswer>

/**
 * The same request for another attempt, without the circuit breaker's leave, which was for the first. Never by `...`:
 * that would leave out what a request makes only when it is asked for it.
 */
export function anotherAttempt(request: SpendRequest, flags = request.flags): SpendRequest {
  const { txid, vout, utxoHash, spendingData, blockHeight } = request
  return { txid, vout, utxoHash, spendingData, blockHeight, flags }
}

/** Inputs that one call can spend: of one record, at one height, with the same flags. */
export interface RecordGroup {
  readonly txid: Uint8Array
  /** The record's number, from 0 for the master. */
  readonly page: number
  readonly userKey: Uint8Array
  readonly blockHeight: number
  readonly flags: SpendFlags
  readonly items: SpendItem[]
  /** The circuit breaker's leaves, in the order of the items. */
  readonly admissions: (Admission | undefined)[]
  /** Items that an attempt before may have spent, its answer being lost. */
  readonly doubtful?: ReadonlySet<SpendItem>
}

/**
 * The claims that go to the server, by record. First seen wins within the batch, too: the first claim on an output
 * goes on, a later one by another transaction is refused with the first as winner. The same claim twice goes
 * through; the server takes it as one (semantics 3.5, lesson 34).
 */
export function groupByRecord(context: StoreContext, items: readonly SpendItem[]): RecordGroup[] {
  const { utxoBatchSize } = context.settings
  const groups: RecordGroup[] = []
  const claimed = new TxidTable(items.length)
  /** By their numbers in the table, which count from 0: nothing is removed from it. */
  const transactions: ClaimedTransaction[] = []
  for (const item of items) {
    try {
      const place = claimed.add(requireTxid(item.request.txid))
      const known = transactions[place]
      const lost = known?.lostClaim(item)
      if (lost !== undefined) {
        item.fail(lost)
        continue
      }
      if (known?.join(item, utxoBatchSize)) continue
      const group = groupOf(item, utxoBatchSize)
      groups.push(group)
      if (known === undefined) transactions[place] = new ClaimedTransaction(group)
      else known.add(group)
    } catch (error) {
      item.fail(asStoreError(error, 'spending', { code: 'PROCESSING' }))
    }
  }
  return groups
}

function groupOf(item: SpendItem, utxoBatchSize: number): RecordGroup {
  const { txid, vout, blockHeight, flags, admission } = item.request
  const page = recordNumber(vout, utxoBatchSize)
  const userKey = pageKey(txid, page)
  return { txid, page, userKey, blockHeight, flags, items: [item], admissions: [admission] }
}

/** The circuit breaker's leaves of groups, for what became of them to be reported. */
export function admissionsOf(groups: readonly RecordGroup[]): (Admission | undefined)[] {
  return groups.flatMap(({ admissions }) => admissions)
}

/** What a row's status alone says of its inputs; undefined where the row was carried out. */
export function statusError(txid: Uint8Array, answer: RowAnswer | undefined): StoreError | undefined {
  if (answer?.status === RESULT_CODES.OK) return undefined
  if (answer?.status === RESULT_CODES.NOT_FOUND) return recordError(txid, 'TX_NOT_FOUND', undefined)
  const what = `spending outputs of ${txidToHex(txid)}`
  return answer === undefined ? missingAnswerError(what) : rowError(what, answer.status, answer.inDoubt)
}
