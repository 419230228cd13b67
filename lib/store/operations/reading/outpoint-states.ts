import { type Outpoint, outpointToString, txidKey, txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import {
  BINS,
  binsForFields,
  decodeMetadata,
  decodePageSlots,
  FREEZE_BINS,
  pageKey,
  reassignedOffsets,
  recordNumber,
  slotOffset,
  type TransactionMetadata,
  type UtxoSlot,
} from '../../../record/index.ts'
import { RESULT_CODES, type RowAnswer } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { rowError } from '../../store-errors.ts'

/** An output as stored, and the transaction that has it. */
export interface OutpointState {
  /** Undefined where the transaction has no record. */
  readonly parent: TransactionMetadata | undefined
  /** Undefined where the transaction has no such output, or no record. */
  readonly slot: UtxoSlot | undefined
  /** It was given to another owner. */
  readonly isReassigned: boolean
}

const FIELDS = ['utxos', 'conflicting', 'locked', 'conflictingChildren', 'unminedSince', 'blockIds'] as const
const MASTER_BINS = [...binsForFields(FIELDS), BINS.spendableIn]
const PAGE_BINS = [BINS.utxos, BINS.spendableIn, ...FREEZE_BINS]

interface RecordAddress {
  readonly txid: Uint8Array
  readonly page: number
}

interface RecordState {
  readonly metadata?: TransactionMetadata
  readonly slots: readonly UtxoSlot[]
  readonly reassigned: ReadonlySet<number>
}

/**
 * Reads outputs, in one batch with one row for each record that holds one, and its master; the answers in the
 * order of the outpoints. Throws for a damaged record.
 */
export async function readOutpoints(
  context: StoreContext,
  outpoints: readonly Outpoint[],
  signal: AbortSignal | undefined,
): Promise<OutpointState[]> {
  const { utxoBatchSize } = context.settings
  const addresses = new Map<string, RecordAddress>()
  for (const { txid, vout } of outpoints) {
    for (const page of [0, recordNumber(vout, utxoBatchSize)]) addresses.set(idOf(txid, page), { txid, page })
  }
  const states = await mapRows(context, [...addresses.values()], signal, {
    toRow: ({ txid, page }) => ({
      kind: 'read',
      key: { set: context.set, userKey: pageKey(txid, page) },
      bins: page === 0 ? MASTER_BINS : PAGE_BINS,
    }),
    describe,
    read: readRecord,
  })
  const byId = new Map([...addresses.keys()].map((id, index) => [id, states[index]]))
  return outpoints.map(outpoint => {
    const { txid, vout } = outpoint
    const page = recordNumber(vout, utxoBatchSize)
    const parent = byId.get(idOf(txid, 0))?.metadata
    if (parent === undefined) return { parent, slot: undefined, isReassigned: false }
    const record = byId.get(idOf(txid, page))
    if (record === undefined && vout < (parent.totalUtxos ?? 0)) {
      throw new StoreError('STORAGE_ERROR', `output ${outpointToString(outpoint)}: its page is missing`)
    }
    const offset = slotOffset(vout, utxoBatchSize)
    return {
      parent,
      slot: record?.slots[offset],
      isReassigned: record?.reassigned.has(offset) === true,
    }
  })
}

function idOf(txid: Uint8Array, page: number): string {
  return `${txidKey(txid)}${page}`
}

function describe({ txid, page }: RecordAddress): string {
  return page === 0 ? `reading ${txidToHex(txid)}` : `reading page ${page} of ${txidToHex(txid)}`
}

/** Undefined for a missing record. */
function readRecord(address: RecordAddress, answer: RowAnswer | StoreError): RecordState | undefined {
  if (answer instanceof StoreError) throw answer
  if (answer.status === RESULT_CODES.NOT_FOUND) return undefined
  if (answer.status !== 0) throw rowError(describe(address), answer.status, false)
  const bins = answer.bins ?? {}
  const reassigned = reassignedOffsets(bins)
  if (address.page > 0) return { slots: decodePageSlots(bins), reassigned }
  const metadata = decodeMetadata(bins, FIELDS)
  return { metadata, slots: metadata.utxos ?? [], reassigned }
}
