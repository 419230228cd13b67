import {
  decodeSpendingData,
  type TransactionMetadata,
  txidFromHex,
  txidToHex,
  UtxoStore,
} from '../../index.ts'
import { createLog } from '../log.ts'
import { formatCount, type Output, table } from '../output.ts'

export interface GetOptions {
  store: string
}

const FIELDS = [
  'txid',
  'fee',
  'sizeInBytes',
  'isCoinbase',
  'conflicting',
  'locked',
  'creating',
  'external',
  'blockIds',
  'unminedSince',
  'createdAt',
  'spendingHeight',
  'deleteAtHeight',
  'preserveUntil',
  'spentUtxos',
  'recordUtxos',
  'totalUtxos',
  'totalExtraRecs',
  'utxos',
] as const

/** Reads one transaction and shows it. */
export async function get(txid: string, options: GetOptions, output: Output): Promise<void> {
  const key = txidFromHex(txid)
  await using store = await UtxoStore.open(options.store, { logger: createLog() })
  const record = await store.get(key, FIELDS)
  const outputs = (record.utxos ?? []).map((slot, vout) => ({ vout, ...readable(slot) }))
  const { utxos: _slots, txid: _bytes, ...fields } = record
  output.result(
    { txid, ...fields, outputs },
    [`transaction ${txid}`, table(summary(record)), '', ...outputs.map(outputLine)].join('\n'),
  )
}

type Slot = NonNullable<TransactionMetadata['utxos']>[number]

interface ReadableOutput {
  state: string
  utxoHash?: string
  spentBy?: { txid: string; vin: number }
}

function readable(slot: Slot): ReadableOutput {
  if (slot.state === 'nil') return { state: 'not spendable' }
  const utxoHash = txidToHex(slot.utxoHash)
  if (slot.state !== 'spent') return { state: slot.state, utxoHash }
  const { txid, vin } = decodeSpendingData(slot.spendingData)
  return { state: slot.state, utxoHash, spentBy: { txid: txidToHex(txid), vin } }
}

function outputLine({ vout, state, spentBy }: ReadableOutput & { vout: number }): string {
  const spender = spentBy === undefined ? '' : ` by ${spentBy.txid} input ${spentBy.vin}`
  return `  output ${String(vout).padStart(4)}  ${state}${spender}`
}

function summary(record: TransactionMetadata): [string, string | number][] {
  const flags = (['isCoinbase', 'conflicting', 'locked', 'creating', 'external'] as const).filter(
    flag => record[flag] === true,
  )
  const blocks = record.blockIds?.map((id, index) => `${id} at height ${record.blockHeights?.[index]}`) ?? []
  const rows: [string, string | number | undefined][] = [
    ['fee', record.fee === undefined ? undefined : `${formatCount(Number(record.fee))} satoshis`],
    [
      'size',
      record.sizeInBytes === undefined ? undefined : `${formatCount(Number(record.sizeInBytes))} bytes`,
    ],
    ['flags', flags.length === 0 ? 'none' : flags.join(', ')],
    ['blocks', blocks.length === 0 ? 'none' : blocks.join(', ')],
    ['unmined since', record.unminedSince],
    [
      'created',
      record.createdAt === undefined ? undefined : new Date(Number(record.createdAt)).toISOString(),
    ],
    ['spendable from height', record.spendingHeight],
    ['delete at height', record.deleteAtHeight],
    ['preserve until height', record.preserveUntil],
    ['pages', record.totalExtraRecs],
    ['outputs spent', `${record.spentUtxos ?? '?'} of ${record.recordUtxos ?? '?'} in the first record`],
  ]
  return rows.flatMap(([label, value]) =>
    value === undefined ? [] : [[label, value] as [string, string | number]],
  )
}
