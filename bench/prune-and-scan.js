// Throughput and memory of walks and of the pruner: node bench/prune-and-scan.js [--store URL] [--records N] [--parents N] [--json]
// Writes N mined and fully spent transactions of one input past the store's operations, walks over them, and prunes
// them. Without --store it measures on the embedded server, whose memory and CPU are then part of the figures.
import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { UtxoStore } from 'aerospike-utxo-store'

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'embedded:?set=prune-bench' },
    records: { type: 'string', default: '100000' },
    parents: { type: 'string', default: '1000' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log('node bench/prune-and-scan.js [--store URL] [--records N] [--parents N] [--json]')
  console.log('--parents: records that hold the outputs which the pruned transactions spent')
  process.exit(0)
}

const HEIGHT = 1_000
const BATCH = 1_000
const IN_FLIGHT = 8
const records = Number(values.records)
const set = new URL(values.store).searchParams.get('set') ?? 'txmeta'
const store = await UtxoStore.open(values.store)
store.setBlockState(HEIGHT, 1_700_000_000)

const parents = Array.from({ length: Number(values.parents) }, () => randomBytes(32))
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
    version: 1,
    locktime: 0,
    fee: 1,
    sizeInBytes: 226,
    extendedSize: 270,
    spentUtxos: 2,
    recordUtxos: 2,
    utxos: spent,
    isCoinbase: false,
    conflicting: false,
    locked: false,
    totalExtraRecs: 0,
    totalUtxos: 2,
    blockIDs: [1],
    blockHeights: [500],
    subtreeIdxs: [0],
    createdAt: 1_700_000_000_000,
    inputs: [input],
    outputs: [Buffer.alloc(34), Buffer.alloc(34)],
    deleteAtHeight: HEIGHT - (index % 100),
  }
}

const rowOf = (txid, content) => ({
  kind: 'write',
  key: { set, userKey: txid },
  exists: 'any',
  operations: Object.entries(content).map(([bin, value]) => ({ kind: 'put', bin, value })),
})

async function fill() {
  await store.transport.batchOperate(
    parents.map(txid => rowOf(txid, { txID: txid, totalExtraRecs: 0 })),
    { timeout: 60_000 },
  )
  let next = 0
  const lane = async () => {
    while (next < records) {
      const begin = next
      next = Math.min(records, next + BATCH)
      const rows = Array.from({ length: next - begin }, (_, n) => {
        const txid = randomBytes(32)
        return rowOf(txid, bins(txid, begin + n))
      })
      const answers = await store.transport.batchOperate(rows, { timeout: 60_000 })
      const refused = answers.find(({ status }) => status !== 0)
      if (refused !== undefined) throw new Error(`a record was refused with status ${refused.status}`)
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
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
  await measure('fill', fill),
  // The index is built before the clock of the pruner starts.
  await measure('prune, nothing due', async () => ({ processed: (await store.prune(1)).processed })),
  await measure('walk', walk),
  await measure('prune', async () => {
    const { processed, skipped, failed, parentsMarked } = await store.prune(HEIGHT)
    return { processed, skipped, failed, parentsMarked }
  }),
]
await store.transport.batchOperate(
  parents.map(txid => ({ kind: 'remove', key: { set, userKey: txid } })),
  { timeout: 60_000 },
)
await store.close()

const report = { node: process.version, store: values.store, records, parents: parents.length, results }
if (values.json) console.log(JSON.stringify(report, null, 2))
else console.table(Object.fromEntries(results.map(({ operation, ...figures }) => [operation, figures])))
