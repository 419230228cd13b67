import { readdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Transaction, UtxoStore } from 'aerospike-utxo-store'
import { assetPlugin, fetchSubtreeData, SubtreeDataService, SubtreeFolder } from 'aerospike-utxo-store/asset'
import { fastify } from 'fastify'
import { runCli, startCli } from '../cli/run-cli.ts'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { coinbase, spending } from '../store/sample-transactions.ts'
import { type Subtree, SubtreeFixture } from './subtree-kit.ts'

let server: TestServer
let store: UtxoStore
let url: string
let folder: SubtreeFixture
/** One of them has its body in the external store. */
let txs: readonly Transaction[]

beforeAll(async () => {
  server = await testServer()
  folder = await SubtreeFixture.create()
  url = storeUrl(server, { set: uniqueSet('asset'), externalStore: `file://${folder.path}/bodies` })
  store = await UtxoStore.open(url)
  store.setBlockState(1_000, 1_700_000_000)
  const parent = coinbase({ outputs: 600 })
  const children = parent.outputs.map((_, vout) =>
    spending([{ tx: parent, vout }], vout === 77 ? { salt: new Uint8Array(50_000) } : { outputs: 2 }),
  )
  await Promise.all([parent, ...children].map(tx => store.create(tx, 100)))
  txs = children
})
afterAll(async () => {
  await store.close()
  await server.close()
  await folder[Symbol.asyncDispose]()
})

async function fetched(base: string, { root }: Subtree): Promise<Buffer> {
  const body = await fetchSubtreeData(base, root)
  return Buffer.from(await new Response(body).arrayBuffer())
}

const dataFiles = async (): Promise<string[]> =>
  (await readdir(folder.path)).filter(name => name.includes('.subtreeData'))

it('builds the data of a subtree from the store, body by body, and serves it from the file from then on', async () => {
  const subtree = await folder.add(txs, { isFirst: true })
  const files = await SubtreeFolder.open(folder.path)
  const service = new SubtreeDataService({ source: store, files, chunkTransactionsMax: 100 })
  await using app = fastify()
  await app.register(assetPlugin, { service })
  const base = await app.listen({ host: '127.0.0.1', port: 0 })
  expect((await fetched(base, subtree)).equals(subtree.data())).toBe(true)
  expect(await dataFiles()).toEqual([`${subtree.root}.subtreeData`])
  expect((await fetched(base, subtree)).equals(subtree.data())).toBe(true)
  const unknown = await folder.add([coinbase()])
  await expect(fetchSubtreeData(base, unknown.root)).rejects.toMatchObject({ code: 'ERROR' })
  expect(await dataFiles()).toEqual([`${subtree.root}.subtreeData`])
})

describe('utxo-store asset', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('serves until %s, and ends well', async signal => {
    const subtree = await folder.add(txs.slice(0, 50))
    const served = await startCli(['asset', '--store', url, '--folder', folder.path, '--port', '0'])
    const base = served.ready.replace(/^ready /, '')
    try {
      expect(base).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/api\/v1$/)
      expect((await fetched(base, subtree)).equals(subtree.data())).toBe(true)
    } finally {
      expect(await served.stop(signal)).toBe(0)
    }
    await expect(fetchSubtreeData(base, subtree.root)).rejects.toMatchObject({ code: 'ERROR' })
  })

  it.each([
    ['nothing', ''],
    ['half a request', 'GET /api/v1/subtree_'],
    ['a request without its body', 'POST /api/v1 HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nab'],
  ])('does not wait at its end for a connection that has sent %s', async (_what, text) => {
    const served = await startCli(['asset', '--store', url, '--folder', folder.path, '--port', '0'])
    const { hostname, port } = new URL(served.ready.replace(/^ready /, ''))
    const client = connect(Number(port), hostname)
    client.on('error', () => {})
    // Served after the client's connection was accepted.
    await new Promise<void>(resolve => client.write(text, () => resolve()))
    await fetch(`http://${hostname}:${port}/`).then(answer => answer.arrayBuffer())
    const startedMs = performance.now()
    const patience = setTimeout(() => client.destroy(), 8_000)
    try {
      expect(await served.stop('SIGTERM')).toBe(0)
      expect(performance.now() - startedMs).toBeLessThan(6_000)
    } finally {
      clearTimeout(patience)
      client.destroy()
    }
  })

  it.each(['', '/', '/v-1.0/~data_/'])('answers under the prefix %j', async prefix => {
    const subtree = await folder.add(txs.slice(0, 5))
    const args = ['--folder', folder.path, '--port', '0', '--prefix', prefix]
    const served = await startCli(['asset', '--store', url, ...args])
    try {
      const body = await fetched(served.ready.replace(/^ready /, ''), subtree)
      expect(body.equals(subtree.data())).toBe(true)
    } finally {
      await served.stop('SIGTERM')
    }
  })

  it.each([
    'api',
    '/a b',
    '//a',
    '/a//b',
    '/..',
    '/a/./b',
    '/:a',
    '/*',
    '/a?b',
    '/a%20b',
    'http://h/a',
    '/ä',
  ])('refuses the prefix %j', async prefix => {
    const { exitCode, stderr } = await runCli(['asset', '--store', url, '--folder', '/x', '--prefix', prefix])
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: expect.stringContaining('It has to be a path such as /api/v1'),
    })
  })

  it('says what it needs', async () => {
    const nothing = await runCli(['asset', '--store', url])
    expect(nothing).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--folder') })
    const wrong = await runCli(['asset', '--store', url, '--folder', '/dev/null/x', '--port', '0', '--json'])
    expect(wrong.exitCode).toBe(1)
    expect(JSON.parse(wrong.stdout)).toMatchObject({ error: { code: 'STORAGE_UNAVAILABLE' } })
  })
})
