import { txidKey } from 'aerospike-utxo-store'

/** @typedef {import('aerospike-utxo-store').Transaction} Transaction */

/**
 * Transactions that do not spend from one another, then those that spend from them, and so on.
 *
 * @param {readonly Transaction[]} transactions parents before their children
 */
export function wavesOf(transactions) {
  /** @type {Transaction[][]} */
  const waves = []
  const depths = new Map()
  for (const tx of transactions) {
    let depth = 0
    for (const { previousTxid } of tx.inputs)
      depth = Math.max(depth, (depths.get(txidKey(previousTxid)) ?? -1) + 1)
    depths.set(txidKey(tx.txid), depth)
    const wave = waves[depth] ?? []
    waves[depth] = wave
    wave.push(tx)
  }
  return waves
}
