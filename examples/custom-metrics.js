// The store's metrics and your own in one prom-client registry, on one endpoint for Prometheus, for
// `utxo-store watch` and for docs/grafana-dashboard.json.
//
//     node examples/custom-metrics.js [STORE_URL] [SECONDS]
import { createServer } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { UtxoStore } from 'aerospike-utxo-store'
import prometheus from 'prom-client'
import { coinbase, spending } from './sample-transactions.js'

const [url = 'embedded:?set=example', seconds = '0'] = process.argv.slice(2)

const registry = new prometheus.Registry()
registry.setDefaultLabels({ service: 'validator' })
prometheus.collectDefaultMetrics({ register: registry })
const validated = new prometheus.Histogram({
  name: 'validator_transaction_seconds',
  help: 'time from a transaction’s arrival to its verdict',
  labelNames: ['verdict'],
  registers: [registry],
})

const store = await UtxoStore.open(url, { metrics: registry })
const server = createServer(async (_request, response) => {
  response.setHeader('content-type', registry.contentType)
  response.end(await registry.metrics())
})
try {
  await new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the endpoint has no port')
  const endpoint = `http://127.0.0.1:${address.port}/metrics`
  console.log(`metrics at ${endpoint}, for example: npx utxo-store watch ${endpoint}`)

  store.setBlockState(200, 1_700_000_000)
  const endsAtMs = performance.now() + Number(seconds) * 1000
  do {
    const coin = coinbase()
    await store.create(coin, 1)
    await Promise.all([validate(spending(coin)), validate(spending(coin))])
    await pause(10)
  } while (performance.now() < endsAtMs)

  const page = await (await fetch(endpoint)).text()
  const wanted = /^(utxo_store_calls_total|validator_transaction_seconds_count)\{/
  console.log(
    page
      .split('\n')
      .filter(line => wanted.test(line))
      .join('\n'),
  )
} finally {
  server.close()
  server.closeAllConnections()
  await store.close()
}

/** @param {import('aerospike-utxo-store').Transaction} plain */
async function validate(plain) {
  const stop = validated.startTimer()
  try {
    const tx = await store.previousOutputsDecorate(plain)
    await store.spendAndCreate(tx, 200)
    stop({ verdict: 'accepted' })
  } catch {
    stop({ verdict: 'refused' })
  }
}
