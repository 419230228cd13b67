// Throughput of the public API: npm run bench -- [--store URL] [--transactions N] [--concurrency N] [--shipped] [--json]
// Each operation is one promise per caller, everything included: parsing aside, hashing, batching, decoding.
// Without --store it measures on the embedded server, which shares this machine's cores.
import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { encodeTransaction, extendTransaction, parseTransaction, UtxoStore } from 'aerospike-utxo-store'

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'embedded:?set=bench' },
    transactions: { type: 'string', default: '50000' },
    concurrency: { type: 'string', default: '512' },
    shipped: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log('npm run bench -- [--store URL] [--transactions N] [--concurrency N] [--shipped] [--json]')
  console.log('--shipped takes the batch sizes that the reference ships instead of the defaults')
  process.exit(0)
}

const transactions = Number(values.transactions)
const concurrency = Number(values.concurrency)
const LOCKING_SCRIPT = Buffer.from(`76a914${'00'.repeat(20)}88ac`, 'hex')
const COINBASE = { previousTxid: new Uint8Array(32), previousVout: 0xffffffff }

/** Batch sizes and lingers that the reference ships, for thousands of calls in progress. */
const SHIPPED = {
  storeBatcherSize: 2048,
  storeBatcherDurationMillis: 10,
  getBatcherSize: 4096,
  getBatcherDurationMillis: 10,
  spendBatcherSize: 1024,
  spendBatcherDurationMillis: 10,
}

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

async function measure(name, items, work) {
  const latenciesMs = new Float64Array(items.length)
  let next = 0
  const cpu = process.cpuUsage()
  const startedAtMs = performance.now()
  const lane = async () => {
    while (next < items.length) {
      const index = next++
      const sentAtMs = performance.now()
      await work(items[index])
      latenciesMs[index] = performance.now() - sentAtMs
    }
  }
  await Promise.all(Array.from({ length: concurrency }, lane))
  const seconds = (performance.now() - startedAtMs) / 1000
  const { user, system } = process.cpuUsage(cpu)
  latenciesMs.sort()
  return {
    operation: name,
    perSecond: Math.round(items.length / seconds),
    p50Ms: Number(latenciesMs[Math.floor(items.length * 0.5)]?.toFixed(2)),
    p99Ms: Number(latenciesMs[Math.floor(items.length * 0.99)]?.toFixed(2)),
    // On the embedded server this holds the server's share, too: it is a thread of this process.
    processCpuMicroseconds: Number(((user + system) / items.length).toFixed(1)),
  }
}

const store = await UtxoStore.open(values.store, { settings: values.shipped ? SHIPPED : {} })
store.setBlockState(1_000, 1_700_000_000)
const parents = Array.from({ length: transactions }, () => transaction(COINBASE, 2))
const children = parents.map(parent =>
  extendTransaction(transaction({ previousTxid: parent.txid, previousVout: 1 }, 2), [parent.outputs[1]]),
)
const txids = parents.map(tx => tx.txid)
const results = [
  await measure('create', parents, tx => store.create(tx, 100)),
  await measure('get', txids, txid => store.get(txid)),
  await measure('getMeta', txids, txid => store.getMeta(txid)),
  await measure('spend', children, tx => store.spend(tx, 1_000)),
]
await store.close()

const report = {
  node: process.version,
  store: values.store,
  transactions,
  concurrency,
  shipped: values.shipped,
  results,
}
if (values.json) console.log(JSON.stringify(report, null, 2))
else console.table(Object.fromEntries(results.map(({ operation, ...figures }) => [operation, figures])))
