// All batches of a store pass one seam, `store.transport`. Whatever has `batchOperate` can stand there: something that
// measures, as here, that records, or that lets tests lose answers.
//
//     node examples/custom-transport.js [STORE_URL]
import { UtxoStore } from 'aerospike-utxo-store'
import { coinbase, spending } from './sample-transactions.js'

/** @typedef {import('aerospike-utxo-store').Transport} Transport */

const SLOW_MS = 250

/**
 * Counts rows by kind, and tells of slow batches.
 *
 * @implements {Transport}
 */
class MeasuringTransport {
  /** @type {Map<string, number>} */
  rows = new Map()
  batches = 0
  busyMs = 0
  #inner

  /** @param {Transport} inner */
  constructor(inner) {
    this.#inner = inner
    // A store sends what a transport can carry: take this over from the one that does the work.
    this.preparesStatements = inner.preparesStatements
  }

  /** @type {Transport['batchOperate']} */
  async batchOperate(rows, options) {
    const startedAtMs = performance.now()
    try {
      // Answers come in any order and may be missing: each says by `index` which row it belongs to.
      return await this.#inner.batchOperate(rows, options)
    } finally {
      const durationMs = performance.now() - startedAtMs
      this.batches += 1
      this.busyMs += durationMs
      for (const { kind } of rows) this.rows.set(kind, (this.rows.get(kind) ?? 0) + 1)
      if (durationMs > SLOW_MS) console.warn(`${rows.length} rows took ${durationMs.toFixed(0)} ms`)
    }
  }
}

const store = await UtxoStore.open(process.argv[2] ?? 'embedded:?set=example')
try {
  const measuring = new MeasuringTransport(store.transport)
  store.transport = measuring
  store.setBlockState(200, 1_700_000_000)

  const coins = coinbase(100)
  await store.create(coins, 1)
  const plain = coins.outputs.map((_, vout) => spending(coins, vout))
  const payments = await Promise.all(plain.map(tx => store.previousOutputsDecorate(tx)))
  await Promise.all(payments.map(tx => store.spendAndCreate(tx, 200)))

  const kinds = [...measuring.rows].map(([kind, count]) => `${count} ${kind}`).join(', ')
  console.log(
    `${store.transportChoice.transport}: ${payments.length} payments in ${measuring.batches} batches`,
  )
  console.log(`rows: ${kinds}; ${(measuring.busyMs / measuring.batches).toFixed(1)} ms a batch`)
} finally {
  await store.close()
}
