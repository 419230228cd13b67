import { txidToHex } from '../../../bitcoin/index.ts'
import { BINS, masterKey } from '../../../record/index.ts'
import { type BinValue, RESULT_CODES } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { missingAnswerError, rowError } from '../../store-errors.ts'

/** What a creation has to know of a master that is there already. */
export interface StoredMaster {
  /** Not every record of the transaction may be there yet. */
  readonly isCreating: boolean
  readonly bins: ReadonlyMap<string, BinValue>
}

/** Bins that tell one form of a transaction from another: other pages, or only some of its outputs. */
const FORM = [BINS.totalExtraRecs, BINS.totalUtxos, BINS.sizeInBytes] as const
const READ_BINS = [BINS.creating, BINS.locked, BINS.conflicting, BINS.spendingHeight, ...FORM]

/** Undefined where there is none. */
export async function readMaster(context: StoreContext, txid: Uint8Array): Promise<StoredMaster | undefined> {
  const what = `looking for ${txidToHex(txid)}`
  const key = { set: context.set, userKey: masterKey(txid) }
  const [answer] = await context.operate([{ kind: 'read', key, bins: READ_BINS }])
  if (answer === undefined) throw missingAnswerError(what)
  if (answer.status === RESULT_CODES.NOT_FOUND) return undefined
  if (answer.status !== RESULT_CODES.OK) throw rowError(what, answer.status, false)
  const bins = new Map(Object.entries(answer.bins ?? {}))
  return { isCreating: bins.get(BINS.creating) === true, bins }
}

/** Names the form of a master for errors; equal for equal forms. */
export function describeMaster(binValue: (bin: string) => BinValue | undefined): string {
  return FORM.map(bin => `${bin} ${binValue(bin)}`).join(', ')
}
