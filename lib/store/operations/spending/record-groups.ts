import type { BatchItem } from '../../../batching/index.ts'
import { txidKey, txidToHex } from '../../../bitcoin/index.ts'
import type { StoreError } from '../../../errors/index.ts'
import { pageKey, recordNumber } from '../../../record/index.ts'
import { RESULT_CODES, type RowAnswer } from '../../../transport/index.ts'
import type { Admission } from '../../context/circuit-breaker.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { asStoreError, missingAnswerError, rowError } from '../../store-errors.ts'
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

export type SpendItem = BatchItem<SpendRequest, void>

/** Inputs that one call can spend: of one record, at one height, with the same flags. */
export interface RecordGroup {
  readonly txid: Uint8Array
  readonly userKey: Uint8Array
  readonly blockHeight: number
  readonly flags: SpendFlags
  readonly items: SpendItem[]
  /** The circuit breaker's leaves, in the order of the items. */
  readonly admissions: (Admission | undefined)[]
}

export function groupByRecord(context: StoreContext, items: readonly SpendItem[]): RecordGroup[] {
  const groups = new Map<string, RecordGroup>()
  for (const item of items) {
    try {
      const { txid, vout, blockHeight, flags, admission } = item.request
      const page = recordNumber(vout, context.settings.utxoBatchSize)
      const id = `${txidKey(txid)}${page}/${blockHeight}/${flagBits(flags)}`
      const known = groups.get(id)
      if (known === undefined) {
        const userKey = pageKey(txid, page)
        groups.set(id, { txid, userKey, blockHeight, flags, items: [item], admissions: [admission] })
      } else {
        known.items.push(item)
        known.admissions.push(admission)
      }
    } catch (error) {
      item.fail(asStoreError(error, 'spending', { code: 'PROCESSING' }))
    }
  }
  return [...groups.values()]
}

function flagBits(flags: SpendFlags): number {
  return (
    Number(flags.ignoreConflicting) |
    (Number(flags.ignoreLocked) << 1) |
    (Number(flags.ignorePolicyFreeze) << 2) |
    (Number(flags.ignoreConsensusFreeze) << 3)
  )
}

/** The circuit breaker's leaves of groups, for what became of them to be reported. */
export function admissionsOf(groups: readonly RecordGroup[]): Admission[] {
  return groups.flatMap(({ admissions }) => admissions.filter(admission => admission !== undefined))
}

/** What a row's status alone says of its inputs; undefined where the row was carried out. */
export function statusError(txid: Uint8Array, answer: RowAnswer | undefined): StoreError | undefined {
  if (answer?.status === RESULT_CODES.OK) return undefined
  if (answer?.status === RESULT_CODES.NOT_FOUND) return recordError(txid, 'TX_NOT_FOUND', undefined)
  const what = `spending outputs of ${txidToHex(txid)}`
  return answer === undefined ? missingAnswerError(what) : rowError(what, answer.status, answer.inDoubt)
}
