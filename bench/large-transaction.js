// One transaction of a million outputs: npm run bench:large -- [--store URL] [--outputs N] [--spends N] [--stores N] [--json]
// It is created, read, mined, spent in random order by several stores, and pruned. The server runs in a process of its
// own (bench/embedded-server.js) unless --store names one, so that the memory shown is that of the stores and of the
// transactions in this process.
import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { encodeTransaction, extendTransaction, parseTransaction, UtxoStore } from 'aerospike-utxo-store'

const { values } = parseArgs({
  options: {
    store: { type: 'string' },
    outputs: { type: 'string', default: '1000000' },
    spends: { type: 'string' },
    stores: { type: 'string', default: '3' },
    probes: { type: 'string', default: '400' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(
    'npm run bench:large -- [--store URL] [--outputs N] [--spends N] [--stores N] [--probes N] [--json]\n' +
      '--store   without set and externalStore, for example aerospike://127.0.0.1:3000/test\n' +
      '--spends  outputs that are spent; all of them by default\n' +
      '--probes  single spends by which the cost of one is compared',
  )
  process.exit(0)
}

const outputCount = Number(values.outputs)
const probeCount = Number(values.probes)
const spendCount = Math.min(Number(values.spends ?? outputCount), outputCount - probeCount)
const storeCount = Number(values.stores)
const INPUTS_PER_SPENDER = 1_000
const TIP = 1_000
const LOCKING_SCRIPT = Buffer.from(`76a914${'00'.repeat(20)}88ac`, 'hex')
const OUTPUT = { satoshis: 1_000n, lockingScript: LOCKING_SCRIPT }
const SETTINGS = {
  storeBatcherDurationMillis: 1,
  spendBatcherSize: 1_024,
  spendBatcherDurationMillis: 1,
  getBatcherDurationMillis: 1,
  // A thousand inputs of a thousand records at a time, on a machine that may be busy.
  spendWaitTimeout: 120_000,
}

function coinbase(outputs) {
  return parseTransaction(
    encodeTransaction({
      version: 1,
      locktime: 0,
      inputs: [
        {
          previousTxid: new Uint8Array(32),
          previousVout: 0xffffffff,
          unlockingScript: randomBytes(16),
          sequence: 0,
        },
      ],
      outputs: Array.from({ length: outputs }, () => OUTPUT),
    }),
  )
}

function spending(txid, vouts) {
  const inputs = vouts.map(vout => ({
    previousTxid: txid,
    previousVout: vout,
    unlockingScript: randomBytes(4),
    sequence: 0,
  }))
  const tx = parseTransaction(encodeTransaction({ version: 1, locktime: 0, inputs, outputs: [OUTPUT] }))
  return extendTransaction(
    tx,
    vouts.map(() => OUTPUT),
  )
}

function shuffled(length) {
  const vouts = Uint32Array.from({ length }, (_, vout) => vout)
  for (let last = length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1))
    ;[vouts[last], vouts[other]] = [vouts[other], vouts[last]]
  }
  return vouts
}

const megabytes = bytes => Math.round(bytes / 2 ** 20)
const phases = []

async function phase(name, work) {
  globalThis.gc?.()
  let rssMax = process.memoryUsage.rss()
  const rssBefore = rssMax
  const timer = setInterval(() => {
    rssMax = Math.max(rssMax, process.memoryUsage.rss())
  }, 20)
  const cpu = process.cpuUsage()
  const startedAtMs = performance.now()
  await work()
  const seconds = (performance.now() - startedAtMs) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  clearInterval(timer)
  phases.push({
    phase: name,
    seconds: Number(seconds.toFixed(2)),
    cpuSeconds: Number(((user + system) / 1e6).toFixed(2)),
    rssBeforeMb: megabytes(rssBefore),
    rssPeakMb: megabytes(Math.max(rssMax, process.memoryUsage.rss())),
  })
  if (!values.json) console.error(phases.at(-1))
}

async function startServer() {
  if (values.store !== undefined) return { url: values.store, close: async () => {} }
  const server = fork(new URL('embedded-server.js', import.meta.url), { execArgv: ['--expose-gc'] })
  const [{ port }] = await once(server, 'message')
  return {
    url: `aerospike://127.0.0.1:${port}/test`,
    async close() {
      server.disconnect()
      await once(server, 'exit')
    },
  }
}

/** Median of one spend at a time, transactions of different sizes taking turns. */
async function compareSpends(store, targets) {
  const latenciesMs = targets.map(() => [])
  const cpuMicroseconds = targets.map(() => 0)
  for (let probe = 0; probe < probeCount; probe++) {
    for (const [index, { next }] of targets.entries()) {
      const { txid, vout } = next()
      const tx = spending(txid, [vout])
      const cpu = process.cpuUsage()
      const sentAtMs = performance.now()
      await store.spend(tx, TIP)
      latenciesMs[index].push(performance.now() - sentAtMs)
      const { user, system } = process.cpuUsage(cpu)
      cpuMicroseconds[index] += user + system
    }
  }
  return targets.map(({ name }, index) => ({
    outputs: name,
    p50Ms: Number(latenciesMs[index].sort((a, b) => a - b)[Math.floor(probeCount / 2)].toFixed(3)),
    cpuMicroseconds: Math.round(cpuMicroseconds[index] / probeCount),
  }))
}

const folder = await mkdtemp(join(tmpdir(), 'large-transaction-'))
const server = await startServer()
const stores = []
try {
  const set = `pages-large-${randomBytes(4).toString('hex')}`
  const url = `${server.url}?set=${set}&externalStore=${pathToFileURL(folder).href}`
  for (let n = 0; n < storeCount; n++) stores.push(await UtxoStore.open(url, { settings: SETTINGS }))
  for (const store of stores) store.setBlockState(TIP, 1_700_000_000)
  const [store] = stores
  let tx
  await phase('make the transaction', async () => {
    tx = coinbase(outputCount)
    void tx.txid
  })
  await phase('create', () => store.create(tx, 100))
  await phase('read the full spending state', async () => {
    const { utxos } = await store.get(tx.txid, ['utxos'])
    if (utxos.length !== outputCount || !utxos.every(({ state }) => state === 'unspent'))
      throw new Error('not every output is unspent')
  })
  await phase('setMinedMulti', () =>
    store.setMinedMulti([tx.txid], { blockId: 1, blockHeight: 500, subtreeIdx: 0, onLongestChain: true }),
  )

  const vouts = shuffled(outputCount)
  let probes = 0
  const small = { made: [], taken: 0 }
  const small128 = { made: [], taken: 0 }
  for (let n = 0; n < probeCount; n++) small.made.push(coinbase(2))
  for (let n = 0; n < Math.ceil(probeCount / 128); n++) small128.made.push(coinbase(128))
  await Promise.all([...small.made, ...small128.made].map(made => store.create(made, 100)))
  const spends = await compareSpends(store, [
    { name: 2, next: () => ({ txid: small.made[small.taken++].txid, vout: 0 }) },
    {
      name: 128,
      next: () => {
        const taken = small128.taken++
        return { txid: small128.made[Math.floor(taken / 128)].txid, vout: taken % 128 }
      },
    },
    { name: outputCount, next: () => ({ txid: tx.txid, vout: vouts[probes++] }) },
  ])

  await phase(`spend ${spendCount} outputs in random order from ${storeCount} stores`, async () => {
    let next = probeCount
    const end = probeCount + spendCount
    const lane = async spender => {
      while (next < end) {
        const first = next
        next = Math.min(end, first + INPUTS_PER_SPENDER)
        await spender.spend(spending(tx.txid, [...vouts.subarray(first, next)]), TIP)
      }
    }
    await Promise.all(stores.map(lane))
  })
  await phase('read the full spending state again', async () => {
    const { utxos } = await store.get(tx.txid, ['utxos'])
    const spent = utxos.filter(({ state }) => state === 'spent').length
    if (spent !== probeCount + spendCount) throw new Error(`${spent} outputs are spent`)
  })
  const { deleteAtHeight, spentExtraRecs, totalExtraRecs } = await store.get(tx.txid, [
    'deleteAtHeight',
    'spentExtraRecs',
    'totalExtraRecs',
  ])
  if (typeof store.prune === 'function') await phase('prune', () => store.prune(TIP + 10_000))
  else await phase('deleteComplete', () => store.deleteComplete(tx.txid))

  const report = {
    node: process.version,
    server: values.store ?? 'embedded, in a process of its own',
    outputs: outputCount,
    records: totalExtraRecs + 1,
    spentPages: spentExtraRecs,
    deleteAtHeight,
    rssPeakOfProcessMb: Math.round(process.resourceUsage().maxRSS / 1024),
    phases,
    costOfOneSpend: spends,
  }
  if (values.json) console.log(JSON.stringify(report, null, 2))
  else {
    console.table(phases)
    console.table(spends)
    const { phases: _, costOfOneSpend: __, ...rest } = report
    console.log(rest)
  }
} finally {
  for (const store of stores) await store.close()
  await server.close()
  await rm(folder, { recursive: true })
}
