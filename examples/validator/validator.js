// The validator: replays blocks through the cached store, publishes metadata of transactions, serves subtrees, and
// notes how far it has come. It may be killed anywhere: it goes on from the last height that was written, and
// everything from there on is done again, which changes nothing that was done before.
import { setTimeout as pause } from 'node:timers/promises'
import { SpendError, StoreError, txidToHex, UtxoSpentError, UtxoStore } from 'aerospike-utxo-store'
import { assetPlugin, SubtreeDataService, SubtreeFolder } from 'aerospike-utxo-store/asset'
import { AerospikeMetadata, CoalescingMetadata } from 'aerospike-utxo-store/metadata'
import { CachedUtxoStore, encodeMetaBytes, FeedProducer } from 'aerospike-utxo-store/tx-meta'
import { fastify } from 'fastify'
import { COINS_HEIGHT, sampleChain, subtreeOf } from './chain.js'
import { openSink } from './feed.js'
import {
  LAST_HEIGHT,
  logger,
  metadataSet,
  STORE_SETTINGS,
  settingsOfProcess,
  stopped,
  tell,
} from './settings.js'
import { keepSubtree } from './subtree-file.js'
import { wavesOf } from './waves.js'

/** @typedef {import('aerospike-utxo-store').Transaction} Transaction */
/** @typedef {import('aerospike-utxo-store').TransactionMetadata} TransactionMetadata */
/** @typedef {import('./chain.js').SampleBlock} SampleBlock */

const ASK_AGAIN_MS = 500

const { storeUrl, folder, kafka, ...sample } = settingsOfProcess()
const isToStop = stopped()
const { coins, blocks, unmined } = await sampleChain(sample)

const store = new CachedUtxoStore(await UtxoStore.open(storeUrl, { settings: STORE_SETTINGS }), {
  megabytes: 16,
})
const durable = new AerospikeMetadata({ transport: store.transport, set: metadataSet(storeUrl) })
const metadata = new CoalescingMetadata(durable, { logger })
const sink = await openSink({ folder, kafka })
const feed = new FeedProducer({ sink, logger })
const subtrees = await SubtreeFolder.open(`${folder}/subtrees`)
// One file is built at a time: the other peers are asked to come again.
const service = new SubtreeDataService({ source: store, files: subtrees, creationsMax: 1 })
const app = fastify({ forceCloseConnections: 'idle' })
await app.register(assetPlugin, { service, prefix: '/api/v1' })
tell({ ready: `${await app.listen({ host: '127.0.0.1', port: 0 })}/api/v1` })

const lastHeight = Number(Buffer.from((await metadata.getMetadata(LAST_HEIGHT)) ?? ''))
await created(coins.txid, () => store.create(coins, COINS_HEIGHT))
for (const block of blocks) if (block.height > lastHeight) await replay(block)
store.setBlockState(unmined.height, unmined.medianTime)
await accept(unmined)
await Promise.all([feed.flush(), metadata.flush()])
tell({ done: true })

await isToStop
await feed.close()
await sink.close()
await app.close()
await metadata.close()
await store.close()
process.disconnect()

/** @param {SampleBlock} block */
async function replay(block) {
  const { height, medianTime, transactions } = block
  store.setBlockState(height, medianTime)
  // A validator has most of them before the block, from the network.
  await accept(block)
  await keepSubtree(`${folder}/subtrees`, subtreeOf(block))
  tell({ step: 'subtree' })
  const txids = transactions.map(({ txid }) => txid)
  const mined = { blockId: height, blockHeight: height, subtreeIdx: 0, onLongestChain: true }
  await store.setMinedMulti(txids, mined)
  tell({ step: 'mined' })
  // From now on no cache may say that they wait for a block. Only then is the block done with.
  const removed = txids.map(txid => feed.delete(txid))
  await Promise.all([feed.flush(), ...removed])
  // Costs nothing here, and is written together with what follows soon. A crash loses it, and repeats the block.
  await metadata.setMetadata(LAST_HEIGHT, Buffer.from(String(height)))
  tell({ step: 'block' })
}

/** @param {SampleBlock} block */
async function accept({ height, transactions, rivals, standIns }) {
  await Promise.all(
    standIns.map(({ txid, outputs }) =>
      created(txid, () => store.createPartial(txid, outputs, COINS_HEIGHT)),
    ),
  )
  for (const wave of wavesOf(transactions)) {
    await Promise.all(wave.map(tx => acceptTransaction(tx, height)))
    tell({ step: 'wave' })
  }
  for (const rival of rivals) await refuse(rival, height)
}

/**
 * @param {Transaction} tx
 * @param {number} height
 */
async function acceptTransaction(tx, height) {
  const known = await created(tx.txid, async () => {
    if (tx.isCoinbase) return store.create(tx, height)
    const extended = await store.previousOutputsDecorate(tx)
    // Here a validator runs the scripts, with the values and scripts that the inputs of `extended` carry now.
    return (await store.spendAndCreate(extended, height)).metadata
  })
  if (known) publish(tx.txid, known)
}

/**
 * Answers with the metadata of what is stored, by this process or by one that was killed. That one may have left a
 * transaction without all of its records: nobody can spend it, and who creates it again completes it, at the
 * latest when the lock on its creation has expired.
 *
 * @param {Uint8Array} txid
 * @param {() => Promise<TransactionMetadata | undefined | void>} create
 */
async function created(txid, create) {
  for (;;) {
    try {
      return await create()
    } catch (error) {
      if (!isStoreError(error, 'TX_EXISTS')) throw error
      const found = await store.getMeta(txid).catch(failure => {
        if (!isStoreError(failure, 'TX_NOT_FOUND')) throw failure
      })
      if (found?.creating === false) return found
      logger.warn({}, `${txidToHex(txid)} is not complete: its creation was cut off`)
      await pause(ASK_AGAIN_MS)
    }
  }
}

/**
 * For the caches of other processes, which keep what waits for a block. Best effort: who does not hear of it asks
 * the store.
 *
 * @param {Uint8Array} txid
 * @param {TransactionMetadata} known
 */
function publish(txid, { fee, sizeInBytes, isCoinbase, conflicting, locked, txInpoints, blockIds }) {
  if (fee === undefined || sizeInBytes === undefined || txInpoints === undefined || blockIds?.length !== 0)
    return
  const flags = {
    isCoinbase: isCoinbase === true,
    conflicting: conflicting === true,
    locked: locked === true,
  }
  if (flags.conflicting) return
  feed.add(txid, encodeMetaBytes({ fee, sizeInBytes, txInpoints, frozen: false, ...flags }))
}

/**
 * The store refuses a double spend, and gives back what it held of it.
 *
 * @param {Transaction} rival
 * @param {number} height
 */
async function refuse(rival, height) {
  try {
    await store.spendAndCreate(await store.previousOutputsDecorate(rival), height)
  } catch (error) {
    const isTooLate =
      error instanceof SpendError && error.spends.some(spend => spend.error instanceof UtxoSpentError)
    if (isTooLate) return
    throw error
  }
  throw new Error(`a double spend was accepted at height ${height}`)
}

/**
 * @param {unknown} error
 * @param {string} code
 */
function isStoreError(error, code) {
  return error instanceof StoreError && error.code === code
}
