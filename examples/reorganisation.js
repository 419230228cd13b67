// A reorganisation: block A is on the longest chain, then block B of another branch takes its place. What only A has
// goes back to waiting for a block; what B has in conflict with A wins, with all that it takes.
//
//     node examples/reorganisation.js [STORE_URL]
import { randomBytes } from 'node:crypto'
import { SpendError, txidToHex, UtxoSpentError, UtxoStore } from 'aerospike-utxo-store'
import { coinbase, spending } from './sample-transactions.js'

const HEIGHT = 500
const A = { blockId: 71, blockHeight: HEIGHT, subtreeIdx: 0 }
const B = { blockId: 72, blockHeight: HEIGHT, subtreeIdx: 0 }

const store = await UtxoStore.open(process.argv[2] ?? 'embedded:?set=example', {
  settings: { storeBatcherDurationMillis: 5, spendBatcherDurationMillis: 5 },
})
try {
  // After a crash, before the first block: conflict processing that was interrupted is brought to its end.
  await store.recoverConflicts()

  store.setBlockState(HEIGHT, 1_700_000_000)
  const coins = coinbase(3)
  await store.create(coins, 1)

  // Block A holds a payment, what was spent of it, and a transaction that B has as well.
  const payment = await accept(spending(coins, 0))
  const change = await accept(spending(payment))
  const both = await accept(spending(coins, 1))
  const onlyA = await accept(spending(coins, 2))
  const ofA = [payment, change, both, onlyA].map(tx => tx.txid)
  await store.setMinedMulti(ofA, { ...A, onLongestChain: true })

  // Block B arrives. Its rival of the payment lost here, so it is stored as conflicting.
  const rival = await accept(spending(coins, 0))
  const ofB = [rival, both].map(tx => tx.txid)
  await store.setMinedMulti(ofB, { ...B, onLongestChain: false })
  await report('block A is the tip', { payment, change, both, onlyA, rival })

  // B's branch becomes the longest. First A's transactions are no longer on the longest chain, then B's are.
  await store.markTransactionsOnLongestChain(ofA, false)
  const blockHash = randomBytes(32)
  const { losers } = await store.processConflicting([rival.txid], { blockHeight: HEIGHT, blockHash })
  await store.setMinedMulti(ofB, { ...B, onLongestChain: true })
  await store.markTransactionsOnLongestChain(ofB, true)
  console.log(`processConflicting: ${losers.length} transactions lost`)
  await report('block B is the tip', { payment, change, both, onlyA, rival })
} finally {
  await store.close()
}

/**
 * Stores a transaction. One that comes too late for an input is stored all the same, as conflicting: its block may
 * win one day.
 *
 * @param {import('aerospike-utxo-store').Transaction} plain
 */
async function accept(plain) {
  const tx = await store.previousOutputsDecorate(plain)
  try {
    await store.spendAndCreate(tx, HEIGHT)
  } catch (error) {
    const isTooLate =
      error instanceof SpendError && error.spends.some(spend => spend.error instanceof UtxoSpentError)
    if (!isTooLate) throw error
    await store.create(tx, HEIGHT, { conflicting: true })
  }
  return tx
}

/**
 * @param {string} title
 * @param {Readonly<Record<string, import('aerospike-utxo-store').Transaction>>} transactions
 */
async function report(title, transactions) {
  console.log(title)
  for (const [name, tx] of Object.entries(transactions)) {
    const { blockIds, unminedSince, conflicting } = await store.get(tx.txid, [
      'blockIds',
      'unminedSince',
      'conflicting',
    ])
    const state = conflicting ? 'conflicting' : unminedSince === undefined ? 'mined' : 'waits for a block'
    console.log(
      `  ${name.padEnd(8)} ${txidToHex(tx.txid).slice(0, 8)}  ${state}, in blocks ${blockIds?.join(' and ') || 'none'}`,
    )
  }
}
