// One transaction of a million outputs: npm run bench:large -- [--store URL] [--outputs N] [--spends N] [--stores N] [--json]
// It is created, read, mined, spent in random order by several stores, and pruned; progress is on stderr. The server
// runs in a process of its own (bench/embedded-server.js) unless --store names one, so that the memory shown is that
// of the stores and of the transactions in this process; its CPU time and memory are shown beside.
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { encodeTransaction, extendTransaction, parseTransaction, UtxoStore } from 'aerospike-utxo-store'
import { startServer } from './forked-server.js'

const { values } = parseArgs({
  options: {
    store: { type: 'string' },
    outputs: { type: 'string', default: '1000000' },
    spends: { type: 'string' },
    stores: { type: 'string', default: '3' },
    probes: { type: 'string', default: '400' },
    sizes: { type: 'string', default: '1,1000' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(
    'npm run bench:large -- [--store URL] [--outputs N] [--spends N] [--stores N] [--probes N] [--sizes N,N] [--json]\n' +
      '--store    without set and externalStore, for example aerospike://127.0.0.1:3000/test\n' +
      '--outputs  of the transaction; 1,000,000 by default\n' +
      '--spends   outputs that are spent, so that a part can be measured; all of them by default. With less than all\n' +
      '           the transaction is not prunable, and is deleted instead\n' +
      '--probes   single spends, of transactions of each size by turns, by which the cost of one is compared\n' +
      '--sizes    outputs of the transactions that it is compared with',
  )
  process.exit(0)
}

const outputCount = Number(values.outputs)
const probeCount = Number(values.probes)
const spendCount = Math.min(Number(values.spends ?? outputCount), outputCount - probeCount)
const storeCount = Number(values.stores)
const sizes = values.sizes.split(',').map(Number)
for (const [name, count] of Object.entries({
  outputs: outputCount,
  probes: probeCount,
  spends: spendCount,
  stores: storeCount,
}))
  if (!Number.isSafeInteger(count) || count < 1)
    throw new RangeError(`--${name} must be a whole number from 1`)
const INPUTS_PER_SPENDER = 1_000
const TIP = 1_000
const PROGRESS_MS = 5_000
const LOCKING_SCRIPT = Buffer.from(`76a914${'00'.repeat(20)}88ac`, 'hex')
const OUTPUT = { satoshis: 1_000n, lockingScript: LOCKING_SCRIPT }
const SETTINGS = {
  storeBatcherDurationMillis: 1,
  spendBatcherSize: 1_024,
  spendBatcherDurationMillis: 1,
  getBatcherDurationMillis: 1,
  // A thousand inputs of a thousand records at a time, on a machine that may be busy.
  spendWaitTimeout: 120_000,
  // One run of the pruner removes all there is.
  prunerBlobDeletionSafetyWindow: 0,
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

/** Progress of a phase that takes minutes, every few seconds. */
function progressOf(name, total) {
  const startedAtMs = performance.now()
  let done = 0
  const timer = setInterval(() => {
    const rate = Math.round(done / ((performance.now() - startedAtMs) / 1_000))
    console.error(`${name}: ${done} of ${total}, ${rate}/s`)
  }, PROGRESS_MS)
  return {
    add: count => {
      done += count
    },
    end: () => clearInterval(timer),
  }
}

async function phase(name, work) {
  globalThis.gc?.()
  console.error(`${name} ...`)
  let rssMax = process.memoryUsage.rss()
  const rssBefore = rssMax
  const { heapUsed, external } = process.memoryUsage()
  const timer = setInterval(() => {
    rssMax = Math.max(rssMax, process.memoryUsage.rss())
  }, 20)
  const serverBefore = await server.usage()
  const cpu = process.cpuUsage()
  const startedAtMs = performance.now()
  try {
    await work()
  } finally {
    clearInterval(timer)
  }
  const seconds = (performance.now() - startedAtMs) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  const serverAfter = await server.usage()
  phases.push({
    phase: name,
    seconds: Number(seconds.toFixed(2)),
    cpuSeconds: Number(((user + system) / 1e6).toFixed(2)),
    // What the process holds at the beginning, garbage collected.
    liveBeforeMb: megabytes(heapUsed + external),
    rssBeforeMb: megabytes(rssBefore),
    rssPeakMb: megabytes(Math.max(rssMax, process.memoryUsage.rss())),
    ...(serverAfter === undefined
      ? {}
      : {
          serverCpuSeconds: Number(
            ((serverAfter.cpuMicroseconds - serverBefore.cpuMicroseconds) / 1e6).toFixed(2),
          ),
          serverRssMb: megabytes(serverAfter.memory.rss),
        }),
  })
  console.error(`${name}: ${seconds.toFixed(2)} s`)
}

/**
 * Median of one spend at a time, transactions of different sizes taking turns, so that whatever else the machine
 * does befalls all of them.
 */
async function compareSpends(store, targets) {
  const latenciesMs = targets.map(() => [])
  const cpuMicroseconds = targets.map(() => 0)
  const serverMicroseconds = targets.map(() => 0)
  for (let probe = 0; probe < probeCount; probe++) {
    for (const [index, { next }] of targets.entries()) {
      const { txid, vout } = next()
      const tx = spending(txid, [vout])
      const serverBefore = await server.usage()
      const cpu = process.cpuUsage()
      const sentAtMs = performance.now()
      await store.spend(tx, TIP)
      latenciesMs[index].push(performance.now() - sentAtMs)
      const { user, system } = process.cpuUsage(cpu)
      cpuMicroseconds[index] += user + system
      const serverAfter = await server.usage()
      if (serverAfter !== undefined)
        serverMicroseconds[index] += serverAfter.cpuMicroseconds - serverBefore.cpuMicroseconds
    }
  }
  return targets.map(({ outputs }, index) => ({
    outputs,
    p50Ms: Number(latenciesMs[index].sort((a, b) => a - b)[Math.floor(probeCount / 2)].toFixed(3)),
    cpuMicroseconds: Math.round(cpuMicroseconds[index] / probeCount),
    ...(values.store === undefined
      ? { serverCpuMicroseconds: Math.round(serverMicroseconds[index] / probeCount) }
      : {}),
  }))
}

/** Transactions of one size, whose outputs are spent one after the other. */
async function targetOf(store, outputs) {
  const made = Array.from({ length: Math.ceil(probeCount / outputs) }, () => coinbase(outputs))
  await Promise.all(made.map(one => store.create(one, 100)))
  let taken = 0
  return {
    outputs,
    next() {
      const { txid } = made[Math.floor(taken / outputs)]
      return { txid, vout: taken++ % outputs }
    },
  }
}

const folder = await mkdtemp(join(tmpdir(), 'large-transaction-'))
const server = await startServer(values.store, { execArgv: ['--expose-gc'] })
const stores = []
try {
  const set = `pages-large-${randomBytes(4).toString('hex')}`
  const url = new URL(server.url)
  url.searchParams.set('set', set)
  url.searchParams.set('externalStore', pathToFileURL(folder).href)
  for (let n = 0; n < storeCount; n++) stores.push(await UtxoStore.open(url.href, { settings: SETTINGS }))
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
  const targets = await Promise.all(sizes.map(outputs => targetOf(store, outputs)))
  targets.push({ outputs: outputCount, next: () => ({ txid: tx.txid, vout: vouts[probes++] }) })
  const spends = await compareSpends(store, targets)

  await phase(`spend ${spendCount} outputs in random order from ${storeCount} stores`, async () => {
    const progress = progressOf('spend', spendCount)
    let next = probeCount
    const end = probeCount + spendCount
    const lane = async spender => {
      while (next < end) {
        const first = next
        next = Math.min(end, first + INPUTS_PER_SPENDER)
        const inputs = [...vouts.subarray(first, next)]
        await spender.spend(spending(tx.txid, inputs), TIP)
        progress.add(inputs.length)
      }
    }
    try {
      await Promise.all(stores.map(lane))
    } finally {
      progress.end()
    }
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
  if (deleteAtHeight === undefined) await phase('deleteComplete', () => store.deleteComplete(tx.txid))
  else {
    await phase('prune', async () => {
      const { processed, failed, removalsLeft } = await store.prune(deleteAtHeight)
      if (processed < 1 || failed + removalsLeft > 0) throw new Error('it was not pruned')
    })
  }

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
