import { type Transaction, txidKey } from '../../index.ts'

/**
 * Splits a block's transactions into waves: the parents of a transaction that lie in the block are in earlier
 * waves, so that each wave can be spent and created concurrently. Blocks list parents before children.
 */
export function wavesOf(transactions: readonly Transaction[]): Transaction[][] {
  const waveOf = new Map<string, number>()
  const waves: Transaction[][] = []
  for (const tx of transactions) {
    let wave = 0
    for (const { previousTxid } of tx.inputs) {
      const parent = waveOf.get(txidKey(previousTxid))
      if (parent !== undefined && parent >= wave) wave = parent + 1
    }
    waveOf.set(txidKey(tx.txid), wave)
    waves[wave] ??= []
    waves[wave]?.push(tx)
  }
  return waves
}
