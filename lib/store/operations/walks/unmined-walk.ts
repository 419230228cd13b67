import { type Outpoint, txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { BINS, binsForFields, decodeMetadata, HEIGHT_MAX, type TxInpoint } from '../../../record/index.ts'
import type { QueryRecord } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { logSkipped } from '../pruning/unmined.ts'
import { lookUpSpender } from '../spending/spender-lookup.ts'
import { BODIES_IN_WORK, inLanes } from './in-lanes.ts'
import type { WalkOutput, WalkProgress } from './record-walk.ts'
import { INPUT_BINS, spentOutpoints } from './transaction-inputs.ts'
import { walkPartitions } from './walk-partitions.ts'

/** A transaction without a block on the longest chain. Txids are 32 bytes, internal order. */
export type UnminedTransaction =
  /** A coinbase belongs to its block: whoever builds blocks passes it over. */
  { readonly skip: true; readonly txid: Uint8Array } | ({ readonly skip: false } & WalkedTransaction)

export interface WalkedTransaction {
  readonly txid: Uint8Array
  /** Satoshis. */
  readonly fee: number
  readonly sizeInBytes: number
  /** Parents with the outputs that are used of each, in the order of the inputs. */
  readonly txInpoints: readonly TxInpoint[]
  /** Unix milliseconds. */
  readonly createdAt: number
  readonly locked: boolean
  /** Blocks that hold it, off the longest chain. */
  readonly blockIds: readonly number[]
  /** Height; 0 where the transaction is mined. */
  readonly unminedSince: number
}

const FIELDS = [
  'txid',
  'fee',
  'sizeInBytes',
  'createdAt',
  'locked',
  'conflicting',
  'isCoinbase',
  'blockIds',
  'unminedSince',
] as const

const REQUEST_BINS = [...new Set([...binsForFields(FIELDS), ...INPUT_BINS])]

/** By the index on `unminedSince`, from 1 on: a height of 0 is never written (semantics 1.9). */
export async function walkUnmined(
  context: StoreContext,
  output: WalkOutput<UnminedTransaction>,
  onProgress: ((progress: WalkProgress) => void) | undefined,
  signal: AbortSignal,
): Promise<void> {
  await context.indexes.ready('unminedSince', signal)
  const request = { index: { bin: BINS.unminedSince, range: [1, HEIGHT_MAX] }, bins: REQUEST_BINS } as const
  const decode = async (records: readonly QueryRecord[]): Promise<UnminedTransaction[]> => {
    const decoded = await inLanes(records, BODIES_IN_WORK, async record => {
      if (!isMaster(context, record)) return []
      const metadata = decodeMetadata(record.bins, ['txid', 'conflicting', 'isCoinbase'])
      if (metadata.conflicting === true || metadata.txid === undefined) return []
      if (metadata.isCoinbase === true) return [{ skip: true, txid: metadata.txid } as const]
      return (await walked(context, record)).map(transaction => ({ skip: false, ...transaction }) as const)
    })
    return decoded.flat()
  }
  await walkPartitions(context, { request, decode, onProgress }, output, signal)
}

/** Everything is read: there is no index on the mark of a conflict. */
export async function walkConflicting(
  context: StoreContext,
  output: WalkOutput<WalkedTransaction>,
  onProgress: ((progress: WalkProgress) => void) | undefined,
  signal: AbortSignal,
): Promise<void> {
  const isConflicting = {
    and: [
      { binExists: BINS.conflicting },
      { compare: 'eq', left: { boolBin: BINS.conflicting }, right: true },
    ],
  } as const
  const decode = async (records: readonly QueryRecord[]): Promise<WalkedTransaction[]> => {
    const masters = records.filter(record => isMaster(context, record))
    return (await inLanes(masters, BODIES_IN_WORK, record => walked(context, record))).flat()
  }
  await walkPartitions(
    context,
    { request: { bins: REQUEST_BINS, filter: isConflicting }, decode, onProgress },
    output,
    signal,
  )
}

/** Pages have no `createdAt`; other records of the set have no txid either (semantics 1.5). */
function isMaster(context: StoreContext, { digest, bins }: QueryRecord): boolean {
  if (bins[BINS.txid] === undefined) logSkipped(context, digest)
  return bins[BINS.txid] !== undefined && bins[BINS.createdAt] !== undefined
}

/** None where the transaction has been removed since it was found, and its body with it. */
async function walked(context: StoreContext, { bins }: QueryRecord): Promise<WalkedTransaction[]> {
  const { txid, fee, sizeInBytes, createdAt, locked, blockIds, unminedSince } = decodeMetadata(bins, FIELDS)
  if (txid === undefined) throw new StoreError('STORAGE_ERROR', 'a transaction has no txid')
  const outpoints = await spentOutpoints(context, txid, bins)
  if (outpoints === undefined) {
    if ((await lookUpSpender(context, txid)) === 'absent') return []
    throw new StoreError('STORAGE_ERROR', `the external body of ${txidToHex(txid)} is missing`)
  }
  const transaction = {
    txid,
    fee: fee ?? 0,
    sizeInBytes: sizeInBytes ?? 0,
    txInpoints: inpoints(outpoints),
    createdAt: createdAt ?? 0,
    locked: locked ?? false,
    blockIds: blockIds ?? [],
    unminedSince: unminedSince ?? 0,
  }
  return [transaction]
}

function inpoints(outpoints: readonly Outpoint[]): TxInpoint[] {
  const byParent = new Map<string, { readonly txid: Uint8Array; readonly vouts: number[] }>()
  for (const { txid: parent, vout } of outpoints) {
    const key = Buffer.from(parent.buffer, parent.byteOffset, parent.byteLength).toString('latin1')
    const known = byParent.get(key)
    if (known === undefined) byParent.set(key, { txid: parent, vouts: [vout] })
    else known.vouts.push(vout)
  }
  return [...byParent.values()]
}
