import { txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import {
  BINS,
  decodePageFreezes,
  decodePageSlots,
  type Field,
  FREEZE_BINS,
  type FreezeRecord,
  pageKey,
  type TransactionMetadata,
  type UtxoSlot,
  wantsBody,
} from '../../../record/index.ts'
import type { BatchRow, Bins, RowAnswer } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { sendBounded } from '../../dispatch/send-bounded.ts'
import { rowError } from '../../store-errors.ts'
import { slotsRowBytes } from '../pages/row-size.ts'
import { externalFields } from './external-body.ts'

/**
 * Adds what a master record does not hold itself: the fields of an external body, and the slots of its pages.
 * Most transactions have neither, and come back as they are.
 */
export function completeRecord(
  context: StoreContext,
  txid: Uint8Array,
  metadata: TransactionMetadata,
  fields: readonly Field[],
  signal: AbortSignal | undefined,
): TransactionMetadata | Promise<TransactionMetadata> {
  const hasBodyOutside = metadata.external === true && wantsBody(fields)
  if (!hasBodyOutside && metadata.utxos === undefined && metadata.freezes === undefined) return metadata
  return withTheRest(context, txid, metadata, fields, signal)
}

async function withTheRest(
  context: StoreContext,
  txid: Uint8Array,
  metadata: TransactionMetadata,
  fields: readonly Field[],
  signal: AbortSignal | undefined,
): Promise<TransactionMetadata> {
  let complete = metadata
  if (metadata.external === true && wantsBody(fields)) {
    complete = { ...complete, ...(await externalFields(context, txid, fields, signal)) }
  }
  if (metadata.utxos !== undefined) {
    complete = { ...complete, utxos: await allSlots(context, txid, metadata.utxos, metadata, signal) }
  }
  if (metadata.freezes !== undefined) {
    complete = { ...complete, freezes: await allFreezes(context, txid, metadata.freezes, metadata, signal) }
  }
  return complete
}

/** Every output has its slot, in order; a missing page or a wrong count is damage, never "no outputs" (incident #1440). */
async function allSlots(
  context: StoreContext,
  txid: Uint8Array,
  masterSlots: readonly UtxoSlot[],
  { totalExtraRecs = 0, totalUtxos }: TransactionMetadata,
  signal: AbortSignal | undefined,
): Promise<readonly UtxoSlot[]> {
  const everyPage = { length: totalExtraRecs, pageOf: (index: number) => index + 1 }
  const pages = await readPages(context, txid, everyPage, [BINS.utxos, ...FREEZE_BINS], signal, bins =>
    decodePageSlots(bins),
  )
  const slots = [...masterSlots, ...pages.flat()]
  checkSlotCount(txid, slots, totalUtxos)
  return slots
}

export function checkSlotCount(
  txid: Uint8Array,
  slots: readonly UtxoSlot[],
  totalUtxos: number | undefined,
): void {
  if (slots.length !== totalUtxos) {
    throw new StoreError(
      'STORAGE_ERROR',
      `transaction ${txidToHex(txid)} has ${slots.length} slots for ${totalUtxos} outputs`,
    )
  }
}

/** A page that the master names and that is missing is damage: it may hold freezes (semantics 1.12). */
async function allFreezes(
  context: StoreContext,
  txid: Uint8Array,
  ofMaster: readonly FreezeRecord[],
  { freezePages = [] }: TransactionMetadata,
  signal: AbortSignal | undefined,
): Promise<readonly FreezeRecord[]> {
  const { utxoBatchSize } = context.settings
  const marked = { length: freezePages.length, pageOf: (index: number) => freezePages[index] as number }
  const pages = await readPages(context, txid, marked, FREEZE_BINS, signal, (bins, page) =>
    decodePageFreezes(bins, page * utxoBatchSize),
  )
  return [...ofMaster, ...pages.flat()]
}

/** Which pages to read. */
interface PageNumbers {
  readonly length: number
  /** The number of one of them by its place. */
  pageOf(index: number): number
}

/** Reads pages in bounded batches and decodes each; in the order of their numbers. */
async function readPages<Page>(
  context: StoreContext,
  txid: Uint8Array,
  { length, pageOf }: PageNumbers,
  bins: readonly string[],
  signal: AbortSignal | undefined,
  decode: (bins: Bins, page: number) => Page,
): Promise<Page[]> {
  const describe = (index: number): string => `reading page ${pageOf(index)} of ${txidToHex(txid)}`
  // Grows with what comes: a damaged master can claim pages that were never there.
  const decoded: Page[] = []
  const rows = {
    rows: length,
    rowBytes: slotsRowBytes(context.settings),
    toRow: (index: number): BatchRow => ({
      kind: 'read',
      key: { set: context.set, userKey: pageKey(txid, pageOf(index)) },
      bins,
    }),
    read: (index: number, answer: RowAnswer): void => {
      if (answer.status !== 0) throw rowError(describe(index), answer.status, false)
      decoded[index] = decode(answer.bins ?? {}, pageOf(index))
    },
    describe,
  }
  await sendBounded(context, rows, signal)
  return decoded
}
