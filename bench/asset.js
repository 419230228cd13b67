// What the asset service costs, and whether its bounds hold: npm run --silent build && node --expose-gc bench/asset.js
// A subtree of 100,000 transactions of 300 bytes from a source in memory; clients on loopback, in the same process.

import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent, get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { encodeTransaction, parseTransaction, txidKey, txidToHex } from 'aerospike-utxo-store'
import { assetPlugin, SubtreeDataService, SubtreeFolder } from 'aerospike-utxo-store/asset'
import { fastify } from 'fastify'

const TRANSACTIONS = 100_000
const SCRIPT_BYTES = 240
const CREATIONS = 4
const FETCHES = 4
const CHUNK_TRANSACTIONS = 1_024
const REQUESTS = 500
const MEGABYTE = 1_048_576

const folder = await mkdtemp(join(tmpdir(), 'asset-bench-'))
const encodings = new Map()
const nodes = []
for (let made = 0; made < TRANSACTIONS; made++) {
  const input = {
    previousTxid: randomBytes(32),
    previousVout: 0,
    unlockingScript: new Uint8Array(SCRIPT_BYTES),
    sequence: 0,
  }
  const output = { satoshis: 1n, lockingScript: Uint8Array.of(0x51) }
  const encoding = encodeTransaction({ version: 1, locktime: 0, inputs: [input], outputs: [output] })
  const { txid, sizeBytes } = parseTransaction(encoding)
  encodings.set(txidKey(txid), encoding)
  nodes.push(Buffer.concat([txid, uint64(0), uint64(sizeBytes)]))
}

const source = {
  async batchDecorate(txids) {
    return txids.map(txid => ({
      data: { tx: parseTransaction(encodings.get(txidKey(txid)).slice()) },
      error: null,
    }))
  },
}
const service = new SubtreeDataService({
  source,
  files: await SubtreeFolder.open(folder),
  creationsMax: CREATIONS,
  fetchConcurrency: FETCHES,
  chunkTransactionsMax: CHUNK_TRANSACTIONS,
})
const app = fastify()
await app.register(assetPlugin, { service })
const base = await app.listen({ host: '127.0.0.1', port: 0 })

const existing = await addSubtree()
const figures = { node: process.version, transactions: TRANSACTIONS }
const built = await measured(() => read(existing))
figures.built = built
figures.existing = await measured(() => read(existing))
figures.existingFirstByteMsIdle = await latencies(existing, 200)

collect()
const before = liveBytes()
const silent = []
for (let client = 0; client < CREATIONS; client++) silent.push(await openSilently(await addSubtree()))
// Until nothing is read any more: sockets and streams are full.
for (let reads = -1; reads !== process.resourceUsage().fsWrite; ) {
  reads = process.resourceUsage().fsWrite
  await pause(300)
}
collect()
const bodyBytes = built.bytes / TRANSACTIONS
figures.creationsStalled = service.load.creations
figures.heldMegabytes = (liveBytes() - before) / MEGABYTE
// What is held beside the chunks are buffers of streams and sockets, and the clients, which live in this process too.
figures.chunksMegabytesMax = (CREATIONS * (2 * FETCHES + 1) * CHUNK_TRANSACTIONS * bodyBytes) / MEGABYTE
const refused = await addSubtree()
figures.refusalMs = await latencies(refused, 503)
figures.existingFirstByteMsSaturated = await latencies(existing, 200)
const leftAtMs = performance.now()
for (const request of silent) request.destroy()
while (service.load.creations > 0) await pause(1)
figures.permitsBackMs = performance.now() - leftAtMs

console.log(JSON.stringify(figures, null, 2))
await app.close()
await rm(folder, { recursive: true })

async function addSubtree() {
  const root = randomBytes(32)
  const head = [Buffer.from('S-1.0   '), root, uint64(0), uint64(0), uint64(TRANSACTIONS)]
  await writeFile(join(folder, `${txidToHex(root)}.subtree`), Buffer.concat([...head, ...nodes, uint64(0)]))
  return `${base}/subtree_data/${txidToHex(root)}`
}

async function read(url) {
  let bytes = 0
  for await (const piece of (await fetch(url)).body) bytes += piece.byteLength
  return bytes
}

/** Bytes, throughput, and processor time of server and client together. */
async function measured(work) {
  const [startedMs, cpu] = [performance.now(), process.cpuUsage()]
  const bytes = await work()
  const seconds = (performance.now() - startedMs) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  return {
    bytes,
    megabytesPerSecond: bytes / MEGABYTE / seconds,
    cpuMicrosecondsPerTransaction: (user + system) / TRANSACTIONS,
  }
}

async function latencies(url, status) {
  const agent = new Agent({ keepAlive: true })
  const times = []
  for (let request = 0; request < REQUESTS; request++) {
    const startedMs = performance.now()
    await new Promise((resolve, reject) => {
      get(url, { agent }, answer => {
        if (answer.statusCode !== status) reject(new Error(`${url} answered ${answer.statusCode}`))
        times.push(performance.now() - startedMs)
        if (status === 200) answer.destroy()
        else answer.resume()
        answer.once('close', resolve)
      }).on('error', reject)
    })
  }
  agent.destroy()
  times.sort((a, b) => a - b)
  return { p50: times[Math.floor(REQUESTS * 0.5)], p99: times[Math.floor(REQUESTS * 0.99)] }
}

/** A client that takes nothing of its answer. */
function openSilently(url) {
  return new Promise(resolve => {
    const request = get(url, { agent: false }, answer => {
      answer.pause()
      resolve(request)
    })
    request.on('error', () => {})
  })
}

/** Twice: what the first finds is given back by the second. */
function collect() {
  globalThis.gc?.()
  globalThis.gc?.()
}

function liveBytes() {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function uint64(value) {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}
