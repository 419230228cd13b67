// Additions of the feed applied to the cached store: `npm run --silent build && node bench/tx-meta-feed.js [entries]`.
// Messages of 1,024 entries come from a source in this process, so that nothing but the reading is measured; rates
// are told by the clock and by CPU time.

import { randomFillSync } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import {
  CachedUtxoStore,
  encodeFeedMessage,
  encodeMetaBytes,
  FeedConsumer,
} from 'aerospike-utxo-store/tx-meta'

const ENTRIES = Number(process.argv[2] ?? 2_000_000)
const ENTRIES_OF_MESSAGE = 1_024
const PARTITIONS = 256
const MESSAGES = Math.ceil(ENTRIES / ENTRIES_OF_MESSAGE)
const MESSAGES_OF_POLL = 16

const content = encodeMetaBytes({
  fee: 500,
  sizeInBytes: 250,
  isCoinbase: false,
  frozen: false,
  conflicting: false,
  locked: false,
  txInpoints: [{ txid: new Uint8Array(32).fill(1), vouts: [0, 1] }],
})
const messages = Array.from({ length: MESSAGES }, () =>
  encodeFeedMessage(
    Array.from({ length: ENTRIES_OF_MESSAGE }, () => ({
      action: 'add',
      txid: randomFillSync(new Uint8Array(32)),
      content,
    })),
  ),
)

// All that the cache needs of a store as long as nobody reads.
const store = {
  settings: {
    batchPolicyTotalTimeout: 1,
    overloadRetryMaxElapsed: 1,
    batcherWaitGrace: 1,
    blockHeightRetention: 288,
    blockHeightRetentionAdjustment: 0,
  },
  blockState: { height: 800_000, medianTime: 1 },
}
const cached = new CachedUtxoStore(store, { megabytes: Math.ceil((ENTRIES * 180) / 1_048_576) })
let next = 0
const offsets = new Array(PARTITIONS).fill(0)
const source = {
  async poll() {
    await new Promise(resolve => setImmediate(resolve))
    const first = next
    next += MESSAGES_OF_POLL
    return messages.slice(first, next).map((value, index) => {
      const partition = (first + index) % PARTITIONS
      return { partition, offset: offsets[partition]++, value }
    })
  },
  mark() {},
  async commit() {},
  highWaterMark: () => undefined,
  pause() {},
  resume() {},
  onRevoke() {},
  async close() {},
}
const silent = { warn() {}, error() {} }
const consumer = new FeedConsumer({ source, target: cached.feedTarget, logger: silent })
const from = performance.now()
const cpuFrom = process.cpuUsage()
const running = consumer.run()
while (consumer.counts.adds < MESSAGES * ENTRIES_OF_MESSAGE)
  await new Promise(resolve => setImmediate(resolve))
const seconds = (performance.now() - from) / 1_000
const { user, system } = process.cpuUsage(cpuFrom)
await consumer.stop()
await running
const entries = MESSAGES * ENTRIES_OF_MESSAGE
console.log(
  JSON.stringify(
    {
      entries,
      messages: MESSAGES,
      addsPerSecond: Math.round(entries / seconds),
      addsPerCpuSecond: Math.round(entries / ((user + system) / 1e6)),
      cached: cached.cacheStatistics.entries,
    },
    null,
    2,
  ),
)
