// Replays raw blocks: reads them as a stream, so that a block of any size takes little memory, and stores each
// transaction after those that it spends from. `utxo-store replay` does the same with proofs and checkpoints.
//
//     node examples/block-replay.js [STORE_URL] [FILE]
//
// The file may be a raw block, hex text of one, or a node's blk*.dat. Without one a block of the test data is taken.
import { createReadStream } from 'node:fs'
import { fileURLToPath } from 'node:url'
import {
  coinbaseHeight,
  locateBlocks,
  StoreError,
  streamBlock,
  txidKey,
  UtxoStore,
} from 'aerospike-utxo-store'

/** @typedef {import('aerospike-utxo-store').Transaction} Transaction */
/** @typedef {import('aerospike-utxo-store').BlockLocation} BlockLocation */
/** @typedef {Map<number, import('aerospike-utxo-store').TransactionOutput>} Outputs */

const SAMPLE =
  '../test/fixtures/blocks/00000000000000000f3db04d442e92c172691170ca47dfea5be2b9613cf0343d.block'
const WINDOW_TRANSACTIONS = 4_096

const [url = 'embedded:?set=example', path = fileURLToPath(new URL(SAMPLE, import.meta.url))] =
  process.argv.slice(2)
// Many calls at a time fill batches, so that none has to wait long for company.
const store = await UtxoStore.open(url, {
  settings: {
    storeBatcherDurationMillis: 5,
    spendBatcherDurationMillis: 5,
    outpointBatcherDurationMillis: 5,
  },
})
try {
  for await (const block of locateBlocks(createReadStream(path))) await replay(block)
} finally {
  await store.close()
}

/** @param {BlockLocation} block */
async function replay(block) {
  const { transactions: once, header, hash } = await open(block)
  const height = await seedParents(once, { header, hash })
  store.setBlockState(height, header.timestamp)
  const mined = { blockId: height, blockHeight: height, subtreeIdx: 0, onLongestChain: true }
  let count = 0
  for await (const window of windows((await open(block)).transactions)) {
    for (const wave of waves(window)) await Promise.all(wave.map(tx => apply(tx, height)))
    await store.setMinedMulti(
      window.map(tx => tx.txid),
      mined,
    )
    count += window.length
  }
  console.log(`block ${height}: ${count} transactions`)
}

/** @param {BlockLocation} block */
function open({ form, offset, sizeBytes }) {
  const range = form === 'binary' ? { start: offset, end: offset + sizeBytes - 1 } : {}
  return streamBlock(createReadStream(path, range), { form, sizeBytes })
}

/**
 * @param {Transaction} tx
 * @param {number} height
 */
async function apply(tx, height) {
  try {
    if (tx.isCoinbase) await store.create(tx, height)
    else await store.spendAndCreate(await store.previousOutputsDecorate(tx), height)
  } catch (error) {
    // It was stored by an earlier run; spends are repeated without harm.
    if (!(error instanceof StoreError) || error.code !== 'TX_EXISTS') throw error
  }
}

/**
 * Whoever replays from the first block on needs none of this. Parents that lie before the file get a stand-in, whose
 * outputs pay as much as the spender passes on. Returns the height of the block, as its coinbase tells it.
 *
 * @param {AsyncIterable<Transaction>} transactions
 * @param {Pick<import('aerospike-utxo-store').Block, 'header' | 'hash'>} block
 */
async function seedParents(transactions, block) {
  let height = 1
  const ofBlock = new Set()
  /** @type {Map<string, { txid: Uint8Array, outputs: Outputs }>} */
  const parents = new Map()
  for await (const tx of transactions) {
    ofBlock.add(txidKey(tx.txid))
    if (tx.isCoinbase) height = coinbaseHeight({ ...block, transactions: [tx] }) ?? height
    else addParents(tx, parents)
  }
  const missing = [...parents].filter(([key]) => !ofBlock.has(key)).map(([, parent]) => parent)
  await Promise.all(
    missing.map(({ txid, outputs }) =>
      store.createPartial(txid, outputs, height - 1).catch(error => {
        if (!(error instanceof StoreError) || error.code !== 'TX_EXISTS') throw error
      }),
    ),
  )
  return height
}

/**
 * @param {Transaction} tx
 * @param {Map<string, { txid: Uint8Array, outputs: Outputs }>} parents
 */
function addParents({ inputs, outputs }, parents) {
  const paid = outputs.reduce((sum, { satoshis }) => sum + satoshis, 0n)
  const output = { satoshis: paid / BigInt(inputs.length) + 1n, lockingScript: Uint8Array.of(0x51) }
  for (const { previousTxid, previousVout } of inputs) {
    const key = txidKey(previousTxid)
    const parent = parents.get(key) ?? { txid: previousTxid, outputs: new Map() }
    parents.set(key, parent)
    parent.outputs.set(previousVout, output)
  }
}

/** @param {AsyncIterable<Transaction>} transactions */
async function* windows(transactions) {
  /** @type {Transaction[]} */
  let window = []
  for await (const tx of transactions) {
    window.push(tx)
    if (window.length < WINDOW_TRANSACTIONS) continue
    yield window
    window = []
  }
  if (window.length > 0) yield window
}

/**
 * Transactions that do not spend from one another, then those that spend from them, and so on. Blocks list a parent
 * before its children.
 *
 * @param {readonly Transaction[]} transactions
 */
function waves(transactions) {
  /** @type {Transaction[][]} */
  const found = []
  const depths = new Map()
  for (const tx of transactions) {
    const depth = Math.max(
      ...tx.inputs.map(({ previousTxid }) => (depths.get(txidKey(previousTxid)) ?? -1) + 1),
    )
    depths.set(txidKey(tx.txid), depth)
    const wave = found[depth] ?? []
    found[depth] = wave
    wave.push(tx)
  }
  return found
}
