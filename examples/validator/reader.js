// Another process, which answers from its cache what the validator publishes. It may be killed anywhere: it goes on
// from the offsets that it has committed. Its cache is empty then, and is filled again from the store as it is asked.
import { StoreError, txidFromHex, txidToHex, UtxoStore } from 'aerospike-utxo-store'
import { CachedUtxoStore, FeedConsumer } from 'aerospike-utxo-store/tx-meta'
import { fastify } from 'fastify'
import { openSource } from './feed.js'
import { FileSource } from './file-source.js'
import { logger, STORE_SETTINGS, settingsOfProcess, stopped, tell } from './settings.js'

const { storeUrl, folder, kafka } = settingsOfProcess()
const isToStop = stopped()

const store = new CachedUtxoStore(await UtxoStore.open(storeUrl, { settings: STORE_SETTINGS }), {
  megabytes: 16,
})
const source = await openSource({ folder, kafka })
const consumer = new FeedConsumer({ source, target: store.feedTarget, logger, commitEveryMs: 50 })
const consuming = consumer.run()

const app = fastify({ forceCloseConnections: true })
app.get('/meta/:txid', async (request, reply) => {
  const { txid } = /** @type {{ txid: string }} */ (request.params)
  try {
    const { fee, sizeInBytes, isCoinbase, locked, txInpoints, blockIds } = await store.getMeta(
      txidFromHex(txid),
    )
    const parents = txInpoints?.map(parent => ({ txid: txidToHex(parent.txid), vouts: parent.vouts }))
    return { fee, sizeInBytes, isCoinbase, locked, parents, blockIds }
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'TX_NOT_FOUND') throw error
    return reply.status(404).send({ code: error.code })
  }
})
app.get('/state', async () => ({
  // On Kafka it is for the brokers to tell (kafka-lag.js).
  behindBytes: source instanceof FileSource ? await source.behind() : undefined,
  ...consumer.counts,
  ...store.cacheStatistics,
}))
tell({ ready: await app.listen({ host: '127.0.0.1', port: 0 }) })

await isToStop
await app.close()
await consumer.stop()
await consuming
await store.close()
process.disconnect()
