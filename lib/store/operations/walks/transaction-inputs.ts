import { type Outpoint, parseTransaction, txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { BINS } from '../../../record/index.ts'
import type { Bins } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'

/** Bins from which the outpoints that a transaction spends are read. */
export const INPUT_BINS = [BINS.external, BINS.inputs] as const

const TXID_BYTES = 32
const OUTPOINT_BYTES = 36

/** What a record, or its body, says of the outpoints that are spent; undefined where its body is missing. */
export async function spentOutpoints(
  context: StoreContext,
  txid: Uint8Array,
  bins: Bins,
): Promise<Outpoint[] | undefined> {
  if (bins[BINS.external] === true) return outpointsOfBody(context, txid)
  const inputs = bins[BINS.inputs]
  if (!Array.isArray(inputs)) throw damaged(txid)
  return inputs.flatMap(input => {
    if (!(input instanceof Uint8Array) || input.length < OUTPOINT_BYTES) throw damaged(txid)
    const view = new DataView(input.buffer, input.byteOffset + TXID_BYTES, 4)
    return outpoint(input.subarray(0, TXID_BYTES), view.getUint32(0, true))
  })
}

/** Only outputs are known of a partial transaction: it spends nothing that could be told. */
async function outpointsOfBody(context: StoreContext, txid: Uint8Array): Promise<Outpoint[] | undefined> {
  const hex = txidToHex(txid)
  const body = await context.external.get(hex, 'tx')
  if (body === undefined) return (await context.external.get(hex, 'outputs')) === undefined ? undefined : []
  const tx = parseTransaction(body)
  if (txidToHex(tx.txid) !== hex)
    throw new StoreError('STORAGE_ERROR', `the external body of ${hex} hashes to ${txidToHex(tx.txid)}`)
  // Copies: views would keep the whole body in memory.
  return tx.inputs.flatMap(({ previousTxid, previousVout }) => outpoint(previousTxid.slice(), previousVout))
}

/** A coinbase names a transaction of zeros. */
function outpoint(txid: Uint8Array, vout: number): Outpoint[] {
  return txid.every(byte => byte === 0) ? [] : [{ txid, vout }]
}

function damaged(txid: Uint8Array): StoreError {
  return new StoreError('STORAGE_ERROR', `the inputs of ${txidToHex(txid)} are missing or damaged`)
}
