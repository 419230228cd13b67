import { outpointKey, txidKey, txidToHex } from '../../../bitcoin/index.ts'
import { decodeSpendingData } from '../../../record/index.ts'
import { asStoreError, UtxoSpentError } from '../../store-errors.ts'
import type { SpendItem } from './record-groups.ts'

/**
 * First seen wins within the batch, too: the first claim on an output (outpoint and hash) goes on, a later one by another
 * transaction is refused with the first as winner. The same claim twice goes through; the server takes it
 * as one (semantics 3.5, lesson 34).
 */
export function refuseLaterClaims(items: readonly SpendItem[]): SpendItem[] {
  /** Spending data of the first claim on each output. */
  const first = new Map<string, Uint8Array>()
  return items.filter(item => {
    try {
      const { txid, vout, utxoHash, spendingData } = item.request
      // By the hash as well: a claim that the server will refuse for its hash must not refuse an honest one.
      const output = outpointKey(txid, vout) + txidKey(utxoHash)
      const winner = first.get(output)
      if (winner === undefined) first.set(output, spendingData)
      else if (Buffer.compare(winner, spendingData) !== 0) {
        item.fail(lostTo(winner, { txid, vout, utxoHash }))
        return false
      }
      return true
    } catch (error) {
      item.fail(asStoreError(error, 'spending', { code: 'PROCESSING' }))
      return false
    }
  })
}

function lostTo(
  winner: Uint8Array,
  output: { txid: Uint8Array; vout: number; utxoHash: Uint8Array },
): UtxoSpentError {
  const spendingData = decodeSpendingData(winner)
  const what = `output ${txidToHex(output.txid)}:${output.vout}`
  return new UtxoSpentError(`${what} is spent by ${txidToHex(spendingData.txid)}, first seen`, {
    ...output,
    spendingData,
  })
}
