import { txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import {
  BINS,
  binsForFields,
  decodeMetadata,
  decodePageSlots,
  decodeSpendingData,
  FREEZE_BINS,
  masterKey,
  pageKey,
  type TransactionMetadata,
  type UtxoSlot,
} from '../../../record/index.ts'
import { RESULT_CODES, type RowAnswer } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { forRows, mapRows } from '../../dispatch/map-rows.ts'
import { rowError } from '../../store-errors.ts'
import { uniqueTxids } from '../../txids.ts'
import { PageList, type PageOf } from '../pages/page-list.ts'
import { checkSlotCount } from './complete-record.ts'

/** A transaction as walks over its descendants see it. */
export interface TransactionNode {
  readonly txid: Uint8Array
  /** Transactions that spend its outputs, each once, in the order of the outputs; a frozen output has none. */
  readonly spenders: readonly Uint8Array[]
  readonly hasFrozenOutput: boolean
  /** Transactions that tried to spend an output and were stored as conflicting. */
  readonly conflictingChildren: readonly Uint8Array[]
  readonly age: TransactionAge
}

/** What tells how deep a transaction lies in the chain. */
export interface TransactionAge {
  readonly unminedSince?: number
  readonly blockHeights?: readonly number[]
}

/**
 * Whether no spender of the transaction can have been mined and pruned by now: it is unmined, or its lowest
 * block lies within the retention of the tip. Then a spender without a record never had one, or has none yet
 * (semantics 3.10, incident #1214). Without a retention nothing can be proven.
 */
export function isRecent(
  { unminedSince, blockHeights = [] }: TransactionAge,
  context: StoreContext,
): boolean {
  const { retention, blockState } = context
  if (retention === 0) return false
  if (unminedSince !== undefined) return true
  const lowest = blockHeights.reduce((min, height) => Math.min(min, height), Number.POSITIVE_INFINITY)
  return Number.isFinite(lowest) && lowest + retention > blockState.current.height
}

const FIELDS = ['utxos', 'conflictingChildren', 'unminedSince', 'blockIds'] as const
const MASTER_BINS = binsForFields(FIELDS)
const PAGE_BINS = [BINS.utxos, ...FREEZE_BINS]

/**
 * Reads many transactions with one batch for their masters and, where there are pages, one for all pages.
 * Undefined for one without a record; throws for a damaged one.
 */
export async function readNodes(
  context: StoreContext,
  txids: readonly Uint8Array[],
  signal: AbortSignal | undefined,
): Promise<(TransactionNode | undefined)[]> {
  const masters: Master[] = await mapRows(context, txids, signal, {
    toRow: txid => ({ kind: 'read', key: { set: context.set, userKey: masterKey(txid) }, bins: MASTER_BINS }),
    describe: txid => `reading ${txidToHex(txid)}`,
    read: readMaster,
  })
  const pages = new PageList(masters, ({ metadata }) => metadata?.totalExtraRecs ?? 0)
  await forRows(context, pages, signal, {
    toRow: ({ owner, page }) => ({
      kind: 'read',
      key: { set: context.set, userKey: pageKey(owner.txid, page) },
      bins: PAGE_BINS,
    }),
    describe: nameOf,
    read: (page, answer) => {
      page.owner.slotsOfPages[page.page - 1] = readPage(page, answer)
    },
  })
  return masters.map(({ txid, metadata, slotsOfPages }) =>
    metadata === undefined
      ? undefined
      : toNode(txid, metadata, [...(metadata.utxos ?? []), ...slotsOfPages.flat()]),
  )
}

interface Master {
  readonly txid: Uint8Array
  readonly metadata: TransactionMetadata | undefined
  /** Filled as the pages come. */
  readonly slotsOfPages: (readonly UtxoSlot[])[]
}

function readMaster(txid: Uint8Array, answer: RowAnswer | StoreError): Master {
  if (answer instanceof StoreError) throw answer
  if (answer.status === RESULT_CODES.NOT_FOUND) return { txid, metadata: undefined, slotsOfPages: [] }
  if (answer.status !== 0) throw rowError(`reading ${txidToHex(txid)}`, answer.status, false)
  return { txid, metadata: decodeMetadata(answer.bins ?? {}, FIELDS), slotsOfPages: [] }
}

function nameOf({ owner: { txid }, page }: PageOf<Master>): string {
  return `reading page ${page} of ${txidToHex(txid)}`
}

function readPage(page: PageOf<Master>, answer: RowAnswer | StoreError): readonly UtxoSlot[] {
  if (answer instanceof StoreError) throw answer
  // A missing page is damage, never "no outputs" (incident #1440).
  if (answer.status !== 0) throw rowError(nameOf(page), answer.status, false)
  return decodePageSlots(answer.bins ?? {})
}

function toNode(
  txid: Uint8Array,
  { totalUtxos, conflictingChildren = [], unminedSince, blockHeights }: TransactionMetadata,
  slots: readonly UtxoSlot[],
): TransactionNode {
  checkSlotCount(txid, slots, totalUtxos)
  return {
    txid,
    spenders: uniqueTxids(
      slots.flatMap(slot => (slot.state === 'spent' ? [decodeSpendingData(slot.spendingData).txid] : [])),
    ),
    hasFrozenOutput: slots.some(slot => slot.state === 'frozen'),
    conflictingChildren,
    age: {
      ...(unminedSince === undefined ? {} : { unminedSince }),
      ...(blockHeights === undefined ? {} : { blockHeights }),
    },
  }
}
