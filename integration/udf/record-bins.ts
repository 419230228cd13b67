import { createHash } from 'node:crypto'
import type { Bins } from './udf-fixture.ts'

/** A 32-byte hash made from a label, so that a test names its outputs and transactions. */
export function hash(label: string): Buffer {
  return createHash('sha256').update(label).digest()
}

/** Spending data: the spender's txid and its input index, little-endian. */
export function spendingData(spender: string, vin = 0): Buffer {
  const data = Buffer.concat([hash(spender), Buffer.alloc(4)])
  data.writeUInt32LE(vin, 32)
  return data
}

/** Spending data as the record functions print it: display txid, then the stored bytes of the input index. */
export function spendingDataText(data: Buffer): string {
  return Buffer.from(data.subarray(0, 32)).reverse().toString('hex') + data.subarray(32).toString('hex')
}

export function displayHex(label: string): string {
  return hash(label).reverse().toString('hex')
}

export const SENTINEL = Buffer.alloc(36, 0xff)

export function unspentSlot(output: string): Buffer {
  return hash(output)
}

export function spentSlot(output: string, data: Buffer): Buffer {
  return Buffer.concat([hash(output), data])
}

/** The bins of a mined master record with two unspent outputs, `a` and `b`, and nil between them. */
export function masterBins(overrides: Bins = {}): Bins {
  return {
    txID: hash('tx'),
    spentUtxos: 0,
    recordUtxos: 2,
    utxos: [unspentSlot('a'), null, unspentSlot('b'), null],
    isCoinbase: false,
    conflicting: false,
    locked: false,
    totalExtraRecs: 0,
    totalUtxos: 4,
    blockIDs: [7],
    blockHeights: [90],
    subtreeIdxs: [3],
    ...overrides,
  }
}

/** The bins of a page record with the same outputs. */
export function pageBins(overrides: Bins = {}): Bins {
  const { totalExtraRecs, totalUtxos, blockIDs, blockHeights, subtreeIdxs, ...common } = masterBins()
  return { ...common, ...overrides }
}

/** One element of the `spends` argument of spendMulti. */
export function spendRequest(
  idx: number,
  offset: number,
  output: string,
  data: Buffer,
  flags: { ignorePolicyFreeze?: boolean; ignoreConsensusFreeze?: boolean } = {},
): Bins {
  return { idx, offset, vOut: offset, utxoHash: hash(output), spendingData: data, ...flags }
}
