import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { UtxoStore } from 'aerospike-utxo-store'
import prometheus from 'prom-client'
import { storeUrl, type TestServer, testServer } from '../servers/server.ts'
import { coinbase } from '../store/sample-transactions.ts'
import { runCli, startWatch } from './run-cli.ts'

let server: TestServer
let store: UtxoStore
let endpoint: Server
let url: string
const registry = new prometheus.Registry()

beforeAll(async () => {
  server = await testServer()
  store = await UtxoStore.open(storeUrl(server), { metrics: registry })
  endpoint = createServer((request, response) => {
    if (request.url !== '/metrics') return response.end('<html></html>')
    return void registry.metrics().then(text => response.end(text))
  })
  await new Promise<void>(resolve => endpoint.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}`
})

afterAll(async () => {
  endpoint.close()
  endpoint.closeAllConnections()
  await store.close()
  await server.close()
})

interface Printed {
  readonly seconds: number
  readonly callsPerSecond: number
  readonly operations: readonly { operation: string; callsPerSecond: number; p99Ms: number | null }[]
  readonly batchers: readonly { batcher: string }[]
  readonly breaker: { state: string }
  readonly errors: readonly { operation: string; code: string; total: number }[]
}

it('--json prints one line for each sample of a store at work, and ends on SIGINT with exit code 0', async () => {
  const tx = coinbase()
  await store.create(tx, 1)
  const isWorking = new AbortController()
  const work = (async () => {
    while (!isWorking.signal.aborted) {
      await store.get(tx.txid)
      await store.get(new Uint8Array(32)).catch(() => {})
    }
  })()
  const watched = startWatch(['watch', `${url}/metrics`, '--json', '--interval', '50'])
  let busy: Printed | undefined
  try {
    // The first sample may lie before the first call.
    for await (const line of watched.lines) {
      const sample = JSON.parse(line) as Printed
      const get = sample.operations.find(({ operation }) => operation === 'get')
      if (get === undefined || get.callsPerSecond === 0) continue
      busy = sample
      break
    }
  } finally {
    isWorking.abort()
    await work
    watched.child.kill('SIGINT')
  }
  expect(busy).toMatchObject({
    seconds: expect.any(Number),
    operations: expect.arrayContaining([
      expect.objectContaining({ operation: 'get', p99Ms: expect.any(Number) }),
      expect.objectContaining({ operation: 'create' }),
    ]),
    breaker: { state: 'closed' },
    errors: [{ operation: 'get', code: 'TX_NOT_FOUND', total: expect.any(Number) }],
  })
  expect(busy?.batchers.map(({ batcher }) => batcher)).toEqual(
    expect.arrayContaining(['get', 'spend', 'store', 'outpoint']),
  )
  expect(await watched.ended).toEqual({ exitCode: 0, stderr: '' })
})

it('without a terminal prints a line of text for each sample, and ends after --samples', async () => {
  const { exitCode, stdout, stderr } = await runCli([
    'watch',
    `${url}/metrics`,
    '--interval',
    '50',
    '--samples',
    '2',
  ])
  expect([exitCode, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(
    /^(\d\d:\d\d:\d\d {2}calls [\d,.]+\/s {2}errors [\d,.]+\/s {2}.*breaker closed {2}trouble 0\/s\n){2}$/,
  )
})

it('tells of a reading that failed later, and goes on', async () => {
  let readings = 0
  const shaky = createServer((_request, response) => {
    readings += 1
    if (readings !== 2) return void registry.metrics().then(text => response.end(text))
    response.statusCode = 503
    return response.end()
  })
  await new Promise<void>(resolve => shaky.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = shaky.address() as AddressInfo
    const run = await runCli(['watch', `http://127.0.0.1:${port}/`, '--interval', '50', '--samples', '1'])
    expect(run).toMatchObject({ exitCode: 0, stderr: expect.stringMatching(/status 503\n$/) })
    expect(run.stdout).toMatch(/breaker closed/)
  } finally {
    shaky.close()
    shaky.closeAllConnections()
  }
})

it.each<[string, () => string[], number, RegExp]>([
  ['no address', () => ['nowhere'], 2, /of the form http:/],
  ['another scheme', () => ['file:///etc/passwd'], 2, /of the form http:/],
  ['no interval', () => [`${url}/metrics`, '--interval', '0'], 2, /whole number from 50/],
  [
    'nobody who listens',
    () => ['http://127.0.0.1:1/metrics'],
    1,
    /cannot be read: .*(ECONNREFUSED|bad port)/,
  ],
  ['a page that is none of metrics', () => [`${url}/`], 1, /line 1 is no metric/],
])('%s ends with one line that says why', async (_what, args, code, message) => {
  const { exitCode, stdout, stderr } = await runCli(['watch', ...args()])
  expect([exitCode, stdout]).toEqual([code, ''])
  expect(stderr).toMatch(message)
  expect(stderr.trimEnd().split('\n')).toHaveLength(1)
})
