// Transactions to play with. A real program gets its own from the network, or from blocks.
import { randomBytes } from 'node:crypto'
import { encodeTransaction, parseTransaction } from 'aerospike-utxo-store'

/** @typedef {import('aerospike-utxo-store').Transaction} Transaction */

const ANYBODY_CAN_SPEND = Uint8Array.of(0x51)

/**
 * A coinbase transaction.
 *
 * @param {number} outputs how many
 * @returns {Transaction}
 */
export function coinbase(outputs = 1) {
  const nowhere = { previousTxid: new Uint8Array(32), previousVout: 0xffff_ffff }
  return built([{ ...nowhere, unlockingScript: randomBytes(16) }], outputs, 5_000_000_000n)
}

/**
 * A transaction that spends one output of another. Two calls give two rivals.
 *
 * @param {Transaction} parent
 * @param {number} vout
 * @param {number} outputs how many
 * @returns {Transaction}
 */
export function spending(parent, vout = 0, outputs = 1) {
  const unlockingScript = randomBytes(8)
  return built([{ previousTxid: parent.txid, previousVout: vout, unlockingScript }], outputs, 1_000n)
}

/**
 * @param {{ previousTxid: Uint8Array, previousVout: number, unlockingScript: Uint8Array }[]} inputs
 * @param {number} outputs
 * @param {bigint} satoshis of each output
 */
function built(inputs, outputs, satoshis) {
  const unknown = { previousSatoshis: undefined, previousLockingScript: undefined }
  return parseTransaction(
    encodeTransaction({
      version: 1,
      locktime: 0,
      inputs: inputs.map(input => ({ ...input, ...unknown, sequence: 0xffff_ffff })),
      outputs: Array.from({ length: outputs }, () => ({ satoshis, lockingScript: ANYBODY_CAN_SPEND })),
    }),
  )
}
