// Cost of the embedded server: npm run bench:embedded -- [--records N] [--rounds N] [--batch N] [--concurrency N] [--json]
// Batches through the official client against a server in a process of its own: creates of records, reads of all bins,
// and spends by Lua, of two records: one of 13 bins and 2 outputs, and the one that the store makes of a typical
// transaction (1 input, 2 outputs: 21 bins). Each figure is the best of the rounds, once by the clock and once by the
// processor time that the server took.
// With --records it then starts anew and fills up to that number with records of the store, and measures memory,
// batches and single calls at 10,000, at 250,000 and at the end.
import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import Aerospike from 'aerospike'
import { encodeTransaction, extendTransaction, parseTransaction, utxoHash } from 'aerospike-utxo-store'
// The records have to be those of the store, which does not export how it makes them.
import { BINS, buildRecords, transactionContent } from '../dist/record/index.js'
import { loadUdfModule } from '../dist/store/udf/udf-module.js'
import { RECORD_OPTIONS } from './by-hand.js'

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '0' },
    rounds: { type: 'string', default: '4' },
    batch: { type: 'string', default: '1000' },
    concurrency: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(
    'npm run bench:embedded -- [--records N] [--rounds N] [--batch N] [--concurrency N] [--json]\n' +
      '--records   fill up to so many records, and measure memory, batches and single calls on the way\n' +
      '--rounds    of 20,000 records, of which the best counts',
  )
  process.exit(0)
}

const recordCount = Number(values.records)
const rounds = Number(values.rounds)
const batchSize = Number(values.batch)
const concurrency = Number(values.concurrency)

const ROUND_RECORDS = 20_000
const SINGLE_CALLS = 2_000
/** What is measured on, at each checkpoint. */
const SAMPLE_RECORDS = 10_000
const CHECKPOINTS = [10_000, 250_000]
const SET = 'bench'
const LOCKING_SCRIPT = Buffer.from(`76a914${'00'.repeat(20)}88ac`, 'hex')

// The server -----------------------------------------------------------------------------------------------------------

const server = fork(new URL('./embedded-server.js', import.meta.url), [], { execArgv: ['--expose-gc'] })
const [{ port }] = await once(server, 'message')

/** @param question 'time', or 'memory' after what is garbage was collected */
async function serverUsage(question) {
  server.send(question)
  const [usage] = await once(server, 'message')
  return usage
}

Aerospike.setDefaultLogging({ level: Aerospike.log.OFF })
const client = await Aerospike.connect({
  hosts: [{ addr: '127.0.0.1', port }],
  log: { level: Aerospike.log.OFF },
})
const policy = new Aerospike.BatchPolicy({ totalTimeout: 60_000, socketTimeout: 60_000, maxRetries: 0 })
const udfModule = await registerModule()

async function registerModule() {
  const { name, source } = await loadUdfModule()
  const folder = await mkdtemp(join(tmpdir(), 'utxo-store-bench-'))
  try {
    await writeFile(join(folder, `${name}.lua`), source)
    const job = await client.udfRegister(join(folder, `${name}.lua`), Aerospike.language.LUA)
    await job.wait(10)
  } finally {
    await rm(folder, { recursive: true })
  }
  return name
}

// What is sent ---------------------------------------------------------------------------------------------------------

function transaction(input, outputs) {
  return parseTransaction(
    encodeTransaction({
      version: 1,
      locktime: 0,
      inputs: [{ unlockingScript: randomBytes(107), sequence: 0xffffffff, ...input }],
      outputs: Array.from({ length: outputs }, () => ({ satoshis: 1000n, lockingScript: LOCKING_SCRIPT })),
    }),
  )
}

const FUNDING = transaction({ previousTxid: new Uint8Array(32), previousVout: 0xffffffff }, 1)

/** A transaction of one input and two outputs. */
function typicalTransaction() {
  const tx = transaction({ previousTxid: FUNDING.txid, previousVout: 0 }, 2)
  return extendTransaction(tx, FUNDING.outputs)
}

const asBuffer = bytes => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
const asClientValue = value => {
  if (value instanceof Uint8Array) return asBuffer(value)
  return Array.isArray(value) ? value.map(asClientValue) : value
}
const keyOf = tx => new Aerospike.Key('test', SET, asBuffer(tx.txid))

/** The bins of a record with 13 of them; the other records have all that the store makes. */
const FEWER_BINS = [
  ...[BINS.txid, BINS.version, BINS.locktime, BINS.fee, BINS.spentUtxos, BINS.recordUtxos, BINS.utxos],
  ...[BINS.isCoinbase, BINS.totalExtraRecs, BINS.blockIds, BINS.unminedSince, BINS.inputs, BINS.outputs],
]

function createRow(tx, bins) {
  const content = transactionContent(tx, { isCoinbase: false, skipExtendedInputs: false })
  const master = buildRecords(content, RECORD_OPTIONS).master()
  const ops = master
    .filter(({ bin }) => bins === undefined || bins.includes(bin))
    .map(({ bin, value }) => Aerospike.operations.write(bin, asClientValue(value)))
  return { type: Aerospike.batchType.BATCH_WRITE, key: keyOf(tx), ops }
}

const readRow = tx => ({ type: Aerospike.batchType.BATCH_READ, key: keyOf(tx), readAllBins: true })

function spendCall(tx, vout) {
  const { lockingScript, satoshis } = tx.outputs[vout]
  const hash = asBuffer(utxoHash(tx.txid, vout, lockingScript, satoshis))
  const spend = { idx: 0, offset: vout, vOut: vout, utxoHash: hash, spendingData: randomBytes(36) }
  return {
    module: udfModule,
    funcname: 'spendMulti',
    args: [[spend], false, false, RECORD_OPTIONS.blockHeight, RECORD_OPTIONS.retention],
  }
}

const spendRow = tx => ({
  type: Aerospike.batchType.BATCH_APPLY,
  key: keyOf(tx),
  udf: spendCall(tx, 0),
})

// Measuring ------------------------------------------------------------------------------------------------------------

/** Runs `work` on all items, `lanes` at a time. */
async function inLanes(items, lanes, work) {
  let next = 0
  const lane = async () => {
    while (next < items.length) await work(items[next++])
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}

async function sendBatch(rows) {
  const answers = await client.batchWrite(rows, policy).catch(error => {
    // Without its command, which holds every row.
    throw new Error(`a batch failed: ${error.message}`)
  })
  for (const { status, record } of answers) {
    const refusal = record?.bins?.SUCCESS?.errorCode
    if (status !== 0 || refusal !== undefined) throw new Error(`a row failed: ${refusal ?? status}`)
  }
}

async function measureBatches(rows) {
  const batches = []
  for (let at = 0; at < rows.length; at += batchSize) batches.push(rows.slice(at, at + batchSize))
  const latenciesMs = []
  const before = await serverUsage('time')
  const startedAtMs = performance.now()
  await inLanes(batches, concurrency, async batch => {
    const sentAtMs = performance.now()
    await sendBatch(batch)
    latenciesMs.push(performance.now() - sentAtMs)
  })
  const seconds = (performance.now() - startedAtMs) / 1000
  const after = await serverUsage('time')
  return {
    ...percentiles(latenciesMs),
    perSecond: Math.round(rows.length / seconds),
    serverMicroseconds: (after.cpuMicroseconds - before.cpuMicroseconds) / rows.length,
  }
}

const OPERATIONS = [
  ['create', createRow],
  ['read all bins', readRow],
  ['Lua spend', spendRow],
]
const SHAPES = [
  ['13 bins', FEWER_BINS],
  ['21 bins', undefined],
]

async function throughput() {
  const best = new Map()
  for (const [shape, bins] of Array.from({ length: rounds }, () => SHAPES).flat()) {
    const transactions = Array.from({ length: ROUND_RECORDS }, typicalTransaction)
    for (const [name, rowOf] of OPERATIONS) {
      const { perSecond, serverMicroseconds } = await measureBatches(transactions.map(tx => rowOf(tx, bins)))
      const operation = `${name}, ${shape}`
      const known = best.get(operation)
      best.set(operation, {
        perSecond: Math.max(perSecond, known?.perSecond ?? 0),
        serverMicroseconds: Math.min(
          serverMicroseconds,
          known?.serverMicroseconds ?? Number.POSITIVE_INFINITY,
        ),
      })
    }
  }
  return [...best].map(([operation, { perSecond, serverMicroseconds }]) => ({
    operation,
    perSecond,
    serverMicroseconds: Number(serverMicroseconds.toFixed(1)),
    perSecondOfServer: Math.round(1e6 / serverMicroseconds),
  }))
}

async function namespaceStatistics() {
  const [{ info }] = await client.infoAll('namespace/test')
  const entries = info
    .slice(info.indexOf('\t') + 1)
    .trimEnd()
    .split(';')
    .map(entry => entry.split('='))
  return Object.fromEntries(entries)
}

function percentiles(latenciesMs) {
  const sorted = latenciesMs.toSorted((a, b) => a - b)
  const at = share => Number((sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(3))
  return { p50Ms: at(0.5), p99Ms: at(0.99) }
}

async function latencies(items, call) {
  const latenciesMs = []
  for (const item of items) {
    const sentAtMs = performance.now()
    await call(item)
    latenciesMs.push(performance.now() - sentAtMs)
  }
  return percentiles(latenciesMs)
}

/** Memory, and what batches and single calls on records of all ages take. */
async function checkpoint(sample, creation) {
  const reads = await measureBatches(sample.map(readRow))
  const spends = await measureBatches(sample.map(spendRow))
  const called = sample.slice(0, SINGLE_CALLS)
  const get = await latencies(called, tx => client.get(keyOf(tx)))
  const spend = await latencies(called, tx => client.apply(keyOf(tx), spendCall(tx, 1)))
  const { memory } = await serverUsage('memory')
  const { objects, data_used_bytes: dataUsedBytes } = await namespaceStatistics()
  const recordBytes = Number(dataUsedBytes) / Number(objects)
  const residentBytes = (memory.rss - idleMemory.rss) / Number(objects)
  return {
    records: Number(objects),
    rssMiB: Math.round(memory.rss / 2 ** 20),
    recordBytes: Math.round(recordBytes),
    residentBytesPerRecord: Math.round(residentBytes),
    timesTheRecord: Number((residentBytes / recordBytes).toFixed(2)),
    createBatch: batchFigures(creation),
    readBatch: batchFigures(reads),
    spendBatch: batchFigures(spends),
    get: singleFigures(get),
    spend: singleFigures(spend),
  }
}

const singleFigures = ({ p50Ms, p99Ms }) => `p50 ${p50Ms} ms, p99 ${p99Ms} ms`
const batchFigures = figures =>
  `${figures.serverMicroseconds.toFixed(1)} us CPU/record, ${singleFigures(figures)}`

/** Fills up to `recordCount`, from nothing, and stops at the checkpoints on the way. */
async function growth() {
  await client.truncate('test', SET, 0)
  while (Number((await namespaceStatistics()).objects) > 0) await setImmediate()
  const results = []
  let stored = 0
  for (const goal of [...CHECKPOINTS.filter(records => records < recordCount), recordCount]) {
    const sample = []
    const sampled = Math.min(SAMPLE_RECORDS, goal - stored)
    const keepEvery = Math.floor((goal - stored) / sampled)
    const store = async size => {
      const transactions = Array.from({ length: size }, typicalTransaction)
      sample.push(...transactions.filter((_, at) => at % keepEvery === 0))
      return transactions.map(tx => createRow(tx))
    }
    const fill = goal - stored - sampled
    const sizes = Array.from({ length: Math.ceil(fill / batchSize) }, (_, at) =>
      Math.min(batchSize, fill - at * batchSize),
    )
    await inLanes(sizes, concurrency, async size => sendBatch(await store(size)))
    const creation = await measureBatches(await store(sampled))
    stored = goal
    results.push(await checkpoint(sample.slice(-sampled), creation))
  }
  return results
}

const { memory: idleMemory } = await serverUsage('memory')
const speed = rounds > 0 ? await throughput() : []
const memory = recordCount > 0 ? await growth() : []
client.close()
server.disconnect()

const report = { node: process.version, batchSize, concurrency, rounds, speed, memory }
if (values.json) console.log(JSON.stringify(report, null, 2))
else {
  if (speed.length > 0) {
    console.table(Object.fromEntries(speed.map(({ operation, ...figures }) => [operation, figures])))
  }
  for (const figures of memory) console.table(figures)
}
