import { setTimeout as pause } from 'node:timers/promises'
import { encodeTransaction, parseTransaction, type Transaction, txidKey } from 'aerospike-utxo-store'
import type { ReadTransaction, TransactionSource } from 'aerospike-utxo-store/asset'
import type { Random } from '../histories/random.ts'

const LATENCY_MS = 2

/** A store that answers after a while, each time with new bytes, and knows the most that it was asked at a time. */
export class SoakSource implements TransactionSource {
  readonly txs: readonly Transaction[]
  readonly #encodings = new Map<string, Uint8Array>()
  inFlight = 0
  inFlightMax = 0
  batches = 0

  constructor(random: Random, count: number, transactionBytes: number) {
    this.txs = Array.from({ length: count }, () => transaction(random, transactionBytes))
    for (const tx of this.txs) this.#encodings.set(txidKey(tx.txid), encodeTransaction(tx))
  }

  async batchDecorate(txids: readonly Uint8Array[]): Promise<ReadTransaction[]> {
    this.batches += 1
    this.inFlight += 1
    this.inFlightMax = Math.max(this.inFlightMax, this.inFlight)
    await pause(LATENCY_MS)
    this.inFlight -= 1
    return txids.map(txid => {
      const encoding = this.#encodings.get(txidKey(txid))
      return { data: encoding ? { tx: parseTransaction(encoding.slice()) } : null, error: null }
    })
  }
}

function transaction(random: Random, bytes: number): Transaction {
  const input = {
    previousTxid: random.bytes(32),
    previousVout: 0,
    unlockingScript: new Uint8Array(bytes),
    sequence: 0,
    previousSatoshis: undefined,
    previousLockingScript: undefined,
  }
  const output = { satoshis: 1n, lockingScript: Uint8Array.of(0x51) }
  return parseTransaction(encodeTransaction({ version: 1, locktime: 0, inputs: [input], outputs: [output] }))
}
