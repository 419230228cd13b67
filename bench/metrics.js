// What the metrics cost: node bench/metrics.js [--store URL] [--rounds N] [--calls N] [--concurrency N] [--json]
// The same work on two stores of one set, in turns: one counts and has a prom-client registry, the other's metrics
// do nothing. Prints for each operation the ratio of the CPU time of this process (median and quartiles of the
// rounds), and the share of what is written to the metrics when it is replayed alone: the ratio shows everything,
// on an idle machine; the share holds on a busy one, too. With an embedded store the server's thread is part of
// both, so give a server of its own for the sharper figures.
import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { encodeTransaction, extendTransaction, parseTransaction, UtxoStore } from 'aerospike-utxo-store'
import { startEmbeddedServer } from 'aerospike-utxo-store/embedded'
import { Registry } from 'prom-client'

const USAGE = 'node bench/metrics.js [--store URL] [--rounds N] [--calls N] [--concurrency N] [--json]'
const { values } = parseArgs({
  options: {
    store: { type: 'string' },
    rounds: { type: 'string', default: '30' },
    calls: { type: 'string', default: '4000' },
    concurrency: { type: 'string', default: '512' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(USAGE)
  process.exit(0)
}
const [rounds, calls, concurrency] = ['rounds', 'calls', 'concurrency'].map(name => {
  const number = Number(values[name])
  if (Number.isSafeInteger(number) && number > 0) return number
  console.error(`--${name} must be a whole number from 1, got ${values[name]}\n${USAGE}`)
  return process.exit(2)
})

const LOCKING_SCRIPT = Buffer.from(`76a914${'00'.repeat(20)}88ac`, 'hex')
const COINBASE = { previousTxid: new Uint8Array(32), previousVout: 0xffffffff }
const HEIGHT = 1_000
const REPLAYS = 20

function transaction(input) {
  return parseTransaction(
    encodeTransaction({
      version: 1,
      locktime: 0,
      inputs: [{ unlockingScript: randomBytes(107), sequence: 0xffffffff, ...input }],
      outputs: Array.from({ length: 2 }, () => ({ satoshis: 1000n, lockingScript: LOCKING_SCRIPT })),
    }),
  )
}

function child(parent) {
  return extendTransaction(transaction({ previousTxid: parent.txid, previousVout: 1 }), [parent.outputs[1]])
}

/** CPU time in microseconds that one call takes, with many callers at a time. */
async function cpuMicroseconds(items, work) {
  written.length = 0
  let next = 0
  const lane = async () => {
    while (next < items.length) await work(items[next++])
  }
  const cpu = process.cpuUsage()
  await Promise.all(Array.from({ length: concurrency }, lane))
  const { user, system } = process.cpuUsage(cpu)
  const metrics = isNoting ? replayMicroseconds() / items.length : undefined
  return { cpu: (user + system) / items.length, metrics }
}

/** CPU time of what the silent store would have written, on the metrics of the other one. */
function replayMicroseconds() {
  const { metrics } = counting.context
  const cpu = process.cpuUsage()
  for (let pass = 0; pass < REPLAYS; pass++) {
    for (const { name, method, args } of written) metrics[name][method](...args)
  }
  const { user, system } = process.cpuUsage(cpu)
  return (user + system) / REPLAYS
}

/** One round on one store: the same calls, on transactions of its own. */
async function round(store) {
  const parents = Array.from({ length: calls }, () => transaction(COINBASE))
  const children = parents.map(child)
  return {
    create: await cpuMicroseconds(parents, tx => store.create(tx, 100)),
    getMeta: await cpuMicroseconds(parents, ({ txid }) => store.getMeta(txid)),
    spend: await cpuMicroseconds(children, tx => store.spend(tx, HEIGHT)),
  }
}

function quartiles(numbers) {
  const sorted = numbers.toSorted((one, other) => one - other)
  const at = share => Number(sorted[Math.floor((sorted.length - 1) * share)].toFixed(4))
  return { lower: at(0.25), median: at(0.5), upper: at(0.75) }
}

async function open(url, metrics) {
  const store = await UtxoStore.open(url, { metrics })
  store.setBlockState(HEIGHT, 1_700_000_000)
  return store
}

const server = values.store === undefined ? await startEmbeddedServer() : undefined
const url = values.store ?? `${server.url}?set=bench-metrics&externalStore=memory:`
const counting = await open(url, new Registry())
const silent = await open(url)
// A store counts whether it has a registry or not; this is the only way to a store that does not.
/** What it would have written in the round under way; noted in one round only, which counts for nothing else. */
const written = []
let isNoting = true
for (const [name, metric] of Object.entries(silent.context.metrics)) {
  for (const method of ['increment', 'observe']) {
    if (metric[method] !== undefined)
      metric[method] = (...args) => isNoting && written.push({ name, method, args })
  }
}

await round(counting)
const noted = await round(silent)
isNoting = false
const measured = { counting: [], silent: [] }
for (let index = 0; index < rounds; index++) {
  const order = index % 2 === 0 ? ['counting', 'silent'] : ['silent', 'counting']
  for (const name of order) measured[name].push(await round(name === 'counting' ? counting : silent))
  process.stderr.write(`\rround ${index + 1} of ${rounds}`)
}
process.stderr.write('\n')
await counting.close()
await silent.close()
await server?.close()

const results = Object.keys(measured.counting[0]).map(operation => {
  const of = name => measured[name].map(figures => figures[operation].cpu)
  const without = of('silent')
  return {
    operation,
    cpuMicroseconds: quartiles(of('counting')).median,
    ratio: quartiles(of('counting').map((cpu, index) => cpu / without[index])),
    metricsMicroseconds: Number(noted[operation].metrics.toFixed(3)),
    share: noted[operation].metrics / quartiles(without).median,
  }
})
if (values.json) console.log(JSON.stringify({ rounds, calls, concurrency, results }, null, 2))
else {
  for (const { operation, cpuMicroseconds: cpu, ratio, metricsMicroseconds, share } of results) {
    console.log(
      `${operation}: ${cpu} µs of CPU a call with metrics, ${ratio.median} times that without (quartiles ${ratio.lower}, ${ratio.upper}); ` +
        `${metricsMicroseconds} µs to write them alone, ${(share * 100).toFixed(2)} %`,
    )
  }
}
