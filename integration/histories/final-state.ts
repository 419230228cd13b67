import { decodeSpendingData, type Transaction, type Transport, txidToHex } from 'aerospike-utxo-store'

/** What a slot of a record holds at the end. */
export type Slot = 'unspent' | 'frozen' | { readonly spender: string; readonly vin: number }

/** A transaction's record as it lies in the server, not as the store shows it. */
export interface FinalRecord {
  readonly slots: readonly Slot[]
  readonly spentUtxos: number
  readonly recordUtxos: number
  readonly locked: boolean
  readonly conflicting: boolean
  readonly creating: boolean
  readonly blockIds: readonly number[]
  readonly isUnmined: boolean
  readonly deleteAtHeight: number | undefined
  /** Outputs with a freeze record, also those that are spent. */
  readonly frozen: readonly number[]
}

const HASH_BYTES = 32
const FROZEN = 0xff
const READ_MS = 10_000

/** Reads the records of transactions, undefined for a missing one, past everything that the store does. */
export async function readFinalRecords(
  transport: Transport,
  set: string,
  transactions: readonly Transaction[],
): Promise<Map<string, FinalRecord | undefined>> {
  const answers = await transport.batchOperate(
    transactions.map(({ txid }) => ({ kind: 'read', key: { set, userKey: txid }, bins: 'all' })),
    { timeout: READ_MS },
  )
  const records = new Map<string, FinalRecord | undefined>()
  for (const { index, status, bins } of answers) {
    const tx = transactions[index]
    if (tx === undefined) throw new Error(`an answer for row ${index}, which was not asked`)
    if (status !== 0 && status !== 2) throw new Error(`final read of ${txidToHex(tx.txid)}: status ${status}`)
    records.set(txidToHex(tx.txid), bins === undefined ? undefined : decode(bins))
  }
  if (records.size !== transactions.length) throw new Error('the final read lacks rows')
  return records
}

function decode(bins: Readonly<Record<string, unknown>>): FinalRecord {
  return {
    slots: (bins.utxos as Uint8Array[]).map(slot),
    spentUtxos: Number(bins.spentUtxos),
    recordUtxos: Number(bins.recordUtxos),
    locked: bins.locked === true,
    conflicting: bins.conflicting === true,
    creating: bins.creating !== undefined,
    blockIds: (bins.blockIDs as number[] | undefined) ?? [],
    isUnmined: bins.unminedSince !== undefined,
    deleteAtHeight: bins.deleteAtHeight as number | undefined,
    frozen: Object.keys(bins.utxoFreezeFrom ?? {}).map(Number),
  }
}

export function slot(bytes: Uint8Array): Slot {
  if (bytes.length === HASH_BYTES) return 'unspent'
  const spendingData = bytes.subarray(HASH_BYTES)
  if (spendingData.every(byte => byte === FROZEN)) return 'frozen'
  const { txid, vin } = decodeSpendingData(spendingData)
  return { spender: txidToHex(txid), vin }
}
