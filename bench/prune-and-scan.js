// Throughput and memory of walks and of the pruner: node bench/prune-and-scan.js [--store URL] [--records N] [--parents N] [--json]
// Writes N mined and fully spent transactions of one input past the store's operations, walks over them, and prunes
// them. Without --store it measures on the embedded server, whose memory and CPU are then part of the figures.
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { UtxoStore } from 'aerospike-utxo-store'

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'embedded:?set=prune-bench' },
    records: { type: 'string', default: '100000' },
    parents: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log('node bench/prune-and-scan.js [--store URL] [--records N] [--parents N] [--json]')
  console.log(
    '--parents: records that hold the outputs which the pruned transactions spent; by default a quarter',
  )
  process.exit(0)
}

const HEIGHT = 1_000
const BATCH = 1_000
const NOT_FOUND = 2
const IN_FLIGHT = 8
const records = Number(values.records)
const set = new URL(values.store).searchParams.get('set') ?? 'txmeta'
const store = await UtxoStore.open(values.store, { settings: { prunerJobTimeout: 24 * 60 * 60 * 1_000 } })
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
  for await (const batch of walked) entries += batch.length
  return { records: walked.recordsScanned, entries }
}

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
  const cpu = process.cpuUsage()
  const startedAtMs = performance.now()
  const result = await work()
  const seconds = (performance.now() - startedAtMs) / 1000
  const { user, system } = process.cpuUsage(cpu)
  clearInterval(sampler)
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
  }
}

const results = [
  // What an interrupted run has left.
  await measure('prune, left over', async () => ({ processed: (await store.prune(HEIGHT)).processed })),
  await measure('fill', fill),
  // The index is built before the clock of the pruner starts.
  await measure('prune, nothing due', async () => ({ processed: (await store.prune(1)).processed })),
  await measure('walk', walk),
  await measure('prune', async () => {
    const { processed, skipped, failed, parentsMarked } = await store.prune(HEIGHT)
    return { processed, skipped, failed, parentsMarked }
  }),
]
await sendAll(parents.length, index => ({ kind: 'remove', key: { set, userKey: parents[index] } }))
await store.close()

const report = { node: process.version, store: values.store, records, parents: parents.length, results }
if (values.json) console.log(JSON.stringify(report, null, 2))
else console.table(Object.fromEntries(results.map(({ operation, ...figures }) => [operation, figures])))
