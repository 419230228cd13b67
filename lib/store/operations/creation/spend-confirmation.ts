import type { Outcome } from '../../../batching/index.ts'
import { txidKey, txidToHex } from '../../../bitcoin/index.ts'
import { recordNumber, slotOffset, type TransactionMetadata, type UtxoSlot } from '../../../record/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { asStoreError, RecordNotFoundError } from '../../store-errors.ts'
import { uniqueTxids } from '../../txids.ts'
import type { GetRequest } from '../reading/get.ts'
import { readOutpoints } from '../reading/outpoint-states.ts'
import type { SpendRequest } from '../spending/spend-dispatch.ts'

/** Reads master records, batched with those of other callers. */
export type ReadMasters = (requests: readonly GetRequest[]) => Promise<Outcome<TransactionMetadata>[]>

/** What a transaction that has just got its record holds. */
export interface Confirmation {
  /** It was marked as conflicting meanwhile. */
  readonly isConflicting: boolean
  /** For each input whether it holds its output, has lost it, or holds one that became conflicting. */
  readonly inputs: readonly ('held' | 'lost' | 'conflicting')[]
}

const FIELDS = ['utxos', 'conflicting'] as const

/**
 * Looks, after its record was written, whether a transaction still holds its inputs: another process that spent
 * for the same transaction may have rolled back before it could see the record, and conflict processing may have
 * passed by. A parent that is gone was pruned, and is no loss.
 */
export async function confirmSpends(
  context: StoreContext,
  txid: Uint8Array,
  requests: readonly SpendRequest[],
  readMasters: ReadMasters,
): Promise<Confirmation> {
  const txids = uniqueTxids([txid, ...requests.map(request => request.txid)])
  const outcomes = await readMasters(txids.map(wanted => ({ txid: wanted, fields: FIELDS })))
  const records = new Map<string, TransactionMetadata | undefined>()
  for (const [index, wanted] of txids.entries()) {
    const outcome = outcomes[index]
    if (outcome?.status === 'rejected') {
      const error = asStoreError(outcome.reason, `reading ${txidToHex(wanted)}`)
      if (error.code !== 'TX_NOT_FOUND') throw error
    }
    records.set(txidKey(wanted), outcome?.status === 'fulfilled' ? outcome.value : undefined)
  }
  const own = records.get(txidKey(txid))
  if (own === undefined) throw new RecordNotFoundError(txid)
  const slots = await slotsOf(context, requests, records)
  return {
    isConflicting: own.conflicting === true,
    inputs: requests.map((request, index) => {
      const parent = records.get(txidKey(request.txid))
      if (parent === undefined) return 'held'
      const slot = slots[index]
      const isHeld = slot?.state === 'spent' && Buffer.compare(slot.spendingData, request.spendingData) === 0
      if (!isHeld) return 'lost'
      return parent.conflicting === true && !request.flags.ignoreConflicting ? 'conflicting' : 'held'
    }),
  }
}

/** The slots of masters are there already; only those of pages are read apart. */
async function slotsOf(
  context: StoreContext,
  requests: readonly SpendRequest[],
  records: ReadonlyMap<string, TransactionMetadata | undefined>,
): Promise<(UtxoSlot | undefined)[]> {
  const { utxoBatchSize } = context.settings
  const isOnPage = ({ vout }: SpendRequest): boolean => recordNumber(vout, utxoBatchSize) > 0
  const onPages = requests.filter(isOnPage)
  const states = onPages.length === 0 ? [] : await readOutpoints(context, onPages, undefined)
  const ofPages = new Map(onPages.map((request, index) => [request, states[index]?.slot]))
  return requests.map(request =>
    isOnPage(request)
      ? ofPages.get(request)
      : records.get(txidKey(request.txid))?.utxos?.[slotOffset(request.vout, utxoBatchSize)],
  )
}
