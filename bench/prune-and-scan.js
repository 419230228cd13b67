// Throughput and memory of walks and of the pruner: npm run bench:prune -- [--store URL] [--records N] [--parents N] [--json]
// Writes N mined and fully spent transactions of one input past the store's operations, walks over them, and prunes
// them; progress is on stderr. The server runs in a process of its own (bench/embedded-server.js) unless --store
// names one, so that the memory shown is that of the store; the server's CPU time and memory are shown beside.
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { UtxoStore } from 'aerospike-utxo-store'
import { startServer } from './forked-server.js'

const { values } = parseArgs({
  options: {
    store: { type: 'string' },
    records: { type: 'string', default: '1000000' },
    parents: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(
    'npm run bench:prune -- [--store URL] [--records N] [--parents N] [--json]\n' +
      '--records  transactions that are pruned; 1,000,000 by default\n' +
      '--parents  records that hold the outputs which they spent; by default a quarter',
  )
  process.exit(0)
}

const HEIGHT = 1_000
const BATCH = 1_000
const NOT_FOUND = 2
const IN_FLIGHT = 8
const PROGRESS_MS = 5_000
const records = Number(values.records)

const server = await startServer(values.store, { query: '?set=prune-bench&externalStore=memory:' })
const set = new URL(server.url).searchParams.get('set') ?? 'txmeta'
const store = await UtxoStore.open(server.url, { settings: { prunerJobTimeout: 24 * 60 * 60 * 1_000 } })
store.setBlockState(HEIGHT, 1_700_000_000)

const parents = Array.from({ length: Number(values.parents ?? Math.ceil(records / 4)) }, () =>
  randomBytes(32),
)
const spendingData = Buffer.alloc(36, 7)

function bins(txid, index) {
  const input = Buffer.alloc(170)
  parents[index % parents.length].copy(input)
  const spent = [
    Buffer.concat([randomBytes(32), spendingData]),
    Buffer.concat([randomBytes(32), spendingData]),
  ]
  return {
    txID: txid,
    spentUtxos: 2,
    recordUtxos: 2,
    utxos: spent,
    totalExtraRecs: 0,
    blockIDs: [1],
    createdAt: 1_700_000_000_000,
    inputs: [input],
    deleteAtHeight: HEIGHT - (index % 100),
  }
}

const rowOf = (txid, content) => ({
  kind: 'write',
  key: { set, userKey: txid },
  exists: 'any',
  operations: Object.entries(content).map(([bin, value]) => ({ kind: 'put', bin, value })),
})

/** The rows put or remove, so that a batch whose time was over can be sent again. */
async function sentAtLast(rows, attempts = 60) {
  try {
    return await store.transport.batchOperate(rows, { timeout: 60_000 })
  } catch (error) {
    if (attempts === 1) throw error
    await delay(1_000)
    return sentAtLast(rows, attempts - 1)
  }
}

/** Sends a row for each index in batches, several at a time. */
async function sendAll(count, rowAt) {
  let next = 0
  progress = () => `${next} of ${count} rows`
  const lane = async () => {
    while (next < count) {
      const begin = next
      next = Math.min(count, next + BATCH)
      const rows = Array.from({ length: next - begin }, (_, n) => rowAt(begin + n))
      const answers = await sentAtLast(rows)
      const refused = answers.find(({ status }) => status !== 0 && status !== NOT_FOUND)
      if (refused !== undefined) throw new Error(`a row was refused with status ${refused.status}`)
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
}

async function fill() {
  await sendAll(parents.length, index => rowOf(parents[index], { txID: parents[index], totalExtraRecs: 0 }))
  await sendAll(records, index => {
    const txid = randomBytes(32)
    return rowOf(txid, bins(txid, index))
  })
  return { records }
}

async function walk() {
  const walked = store.inconsistentTransactions()
  let entries = 0
  progress = () => `${walked.recordsScanned} records`
  for await (const batch of walked) entries += batch.length
  return { records: walked.recordsScanned, entries }
}

async function prune() {
  const { processed, skipped, failed, parentsMarked } = await store.prune(HEIGHT, {
    onProgress: ({ done, total, counts }) => {
      progress = () => `${done} of ${total} partitions read, ${counts.processed} transactions pruned`
    },
  })
  return { processed, skipped, failed, parentsMarked }
}

/** How far the operation under way is. */
let progress = () => ''

async function measure(operation, work) {
  globalThis.gc?.()
  let rssPeak = 0
  let heapPeak = 0
  const sample = () => {
    const { rss, heapUsed } = process.memoryUsage()
    rssPeak = Math.max(rssPeak, rss)
    heapPeak = Math.max(heapPeak, heapUsed)
  }
  sample()
  const rssBefore = rssPeak
  const sampler = setInterval(sample, 50)
  progress = () => ''
  const reporter = setInterval(() => console.error(`${operation}: ${progress()}`), PROGRESS_MS)
  const serverBefore = await server.usage()
  const cpu = process.cpuUsage()
  const startedAtMs = performance.now()
  const result = await work()
  const seconds = (performance.now() - startedAtMs) / 1000
  const { user, system } = process.cpuUsage(cpu)
  clearInterval(sampler)
  clearInterval(reporter)
  const serverAfter = await server.usage()
  const mebibytes = bytes => Math.round(bytes / 2 ** 20)
  return {
    operation,
    ...result,
    seconds: Number(seconds.toFixed(2)),
    perSecond: Math.round(records / seconds),
    processCpuMicroseconds: Number(((user + system) / records).toFixed(1)),
    rssBeforeMiB: mebibytes(rssBefore),
    rssPeakMiB: mebibytes(rssPeak),
    heapPeakMiB: mebibytes(heapPeak),
    ...(serverAfter === undefined
      ? {}
      : {
          serverCpuMicroseconds: Number(
            ((serverAfter.cpuMicroseconds - serverBefore.cpuMicroseconds) / records).toFixed(1),
          ),
          serverRssMiB: mebibytes(serverAfter.memory.rss),
        }),
  }
}

const results = [
  // What an interrupted run has left.
  await measure('prune, left over', async () => ({ processed: (await store.prune(HEIGHT)).processed })),
  await measure('fill', fill),
  // The index is built before the clock of the pruner starts.
  await measure('prune, nothing due', async () => ({ processed: (await store.prune(1)).processed })),
  await measure('walk', walk),
  await measure('prune', prune),
]
await sendAll(parents.length, index => ({ kind: 'remove', key: { set, userKey: parents[index] } }))
await store.close()
await server.close()

const report = {
  node: process.version,
  store: values.store ?? 'embedded, in a process of its own',
  records,
  parents: parents.length,
  results,
}
if (values.json) console.log(JSON.stringify(report, null, 2))
else console.table(Object.fromEntries(results.map(({ operation, ...figures }) => [operation, figures])))
