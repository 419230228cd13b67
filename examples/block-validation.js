// The loop of a validator: for each block, look up what its transactions spend, spend it, store their outputs, and
// record the block. A double spend makes the block invalid.
//
//     node examples/block-validation.js [STORE_URL]
import { setTimeout as pause } from 'node:timers/promises'
import { SpendError, StoreError, txidToHex, UtxoSpentError, UtxoStore } from 'aerospike-utxo-store'
import { coinbase, spending } from './sample-transactions.js'

/** @typedef {import('aerospike-utxo-store').Transaction} Transaction */
/** @typedef {{ id: number, height: number, medianTime: number, transactions: Transaction[] }} Block */

const CALL_MS_MAX = 10_000
const TRIES = 5

// A batch waits up to 5 ms for company: many calls at a time fill it sooner.
const settings = { storeBatcherDurationMillis: 5, spendBatcherDurationMillis: 5 }
const store = await UtxoStore.open(process.argv[2] ?? 'embedded:?set=example', { settings })
try {
  for (const block of await sampleBlocks()) {
    try {
      await validate(block)
      console.log(`block ${block.height}: valid, ${block.transactions.length} transactions`)
    } catch (error) {
      if (!(error instanceof SpendError)) throw error
      const [refused] = error.spends.flatMap(({ error: cause }) =>
        cause instanceof UtxoSpentError ? [cause] : [],
      )
      if (refused === undefined) throw error
      const { txid, vout, spendingData } = refused
      console.log(
        `block ${block.height}: invalid, ${txidToHex(txid)}:${vout} is spent by ${txidToHex(spendingData.txid)}`,
      )
    }
  }
} finally {
  await store.close()
}

/** @param {Block} block */
async function validate({ id, height, medianTime, transactions }) {
  store.setBlockState(height, medianTime)
  const [first, ...others] = transactions
  if (first !== undefined) await settled(signal => store.create(first, height, { signal }))
  // In the order of the block: a transaction may spend outputs of those before it. A validator of large blocks
  // takes those that do not spend from one another all at once, see block-replay.js.
  for (const tx of others) {
    const extended = await settled(signal => store.previousOutputsDecorate(tx, { signal }))
    // Here a validator runs the scripts, with the values and scripts that the inputs of `extended` carry now.
    await settled(signal => store.spendAndCreate(extended, height, { signal }))
  }
  const txids = transactions.map(tx => tx.txid)
  const mined = { blockId: id, blockHeight: height, subtreeIdx: 0, onLongestChain: true }
  await settled(signal => store.setMinedMulti(txids, mined, { signal }))
}

/**
 * Every operation may be repeated. So what fails for want of an answer is tried again, and that a transaction is
 * stored already is success: an earlier try may have stored it.
 *
 * @param {(signal: AbortSignal) => Promise<any>} call
 */
async function settled(call) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await call(AbortSignal.timeout(CALL_MS_MAX))
    } catch (error) {
      if (!(error instanceof StoreError) || error instanceof SpendError) throw error
      if (error.code === 'TX_EXISTS') return
      const isWorthIt = error.retryable || error.code === 'CONTEXT_CANCELED'
      if (!isWorthIt || tries === TRIES) throw error
      await pause(2 ** tries * 50)
    }
  }
}

/** Three blocks, of which the last spends an output a second time. Each spends coins that were stored before. */
async function sampleBlocks() {
  const coins = coinbase(3)
  await store.create(coins, 1)
  const child = spending(coins, 0)
  return [
    { id: 1, height: 200, medianTime: 1_700_000_000, transactions: [coinbase(), child, spending(child)] },
    { id: 2, height: 201, medianTime: 1_700_000_600, transactions: [coinbase(), spending(coins, 1)] },
    { id: 3, height: 202, medianTime: 1_700_001_200, transactions: [coinbase(), spending(coins, 1)] },
  ]
}
