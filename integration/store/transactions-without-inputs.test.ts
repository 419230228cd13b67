import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import {
  encodeTransaction,
  parseTransaction,
  type StoreError,
  type Transaction,
  txidToHex,
  UtxoStore,
} from 'aerospike-utxo-store'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { spending } from './sample-transactions.ts'

/** Those of which only outputs are known, whichever call stores them (semantics 1.8). */

const HEIGHT = 700_000
/** Satoshis and the length of a script of this size. */
const OUTPUT_FIXED_BYTES = 8 + 3
const set = uniqueSet('no-inputs')

let server: TestServer
let folder: string
let store: UtxoStore

beforeAll(async () => {
  server = await testServer()
  folder = await mkdtemp(join(tmpdir(), 'bodies-'))
  store = await UtxoStore.open(storeUrl(server, { set, externalStore: pathToFileURL(folder).href }), {
    settings: { storeBatcherDurationMillis: 1, spendBatcherDurationMillis: 1, getBatcherDurationMillis: 1 },
  })
  store.setBlockState(HEIGHT, 1_700_000_000)
})
afterAll(async () => {
  await store.close()
  await rm(folder, { recursive: true })
  await server.close()
})

let satoshis = 1n

/** Its one output takes so many bytes in a record. */
function withoutInputs(bytes: number): Transaction {
  const lockingScript = new Uint8Array(bytes - OUTPUT_FIXED_BYTES).fill(0x51)
  return parseTransaction(
    encodeTransaction({
      version: 1,
      locktime: 0,
      inputs: [],
      outputs: [{ satoshis: satoshis++, lockingScript }],
    }),
  )
}

async function bodiesOf({ txid }: Transaction): Promise<string[]> {
  const names = (await readdir(folder)).filter(name => name.startsWith(txidToHex(txid)))
  return names.map(name => name.slice(name.indexOf('.')))
}

describe.each([
  ['create', (tx: Transaction) => store.create(tx, HEIGHT)],
  ['createPartial', (tx: Transaction) => store.createPartial(tx.txid, new Map(tx.outputs.entries()), HEIGHT)],
])('%s', (_, stored) => {
  it.each([
    [32_768, []],
    [32_769, ['.outputs']],
  ])('of outputs of %d bytes writes the bodies %j', async (bytes, bodies) => {
    const tx = withoutInputs(bytes)
    await stored(tx)
    expect(await bodiesOf(tx)).toEqual(bodies)
    expect(await store.get(tx.txid, ['external', 'outputs', 'txInpoints'])).toEqual({
      external: bodies.length > 0,
      outputs: tx.outputs,
      txInpoints: [],
    })
    await store.spendAndCreate(spending([{ tx, vout: 0 }]), HEIGHT)
  })
})

describe('create', () => {
  it('goes on with a body that an interrupted call has written at another height', async () => {
    const tx = withoutInputs(40_000)
    await store.create(tx, HEIGHT - 1)
    await store.delete(tx.txid)
    expect(await bodiesOf(tx)).toEqual(['.outputs'])
    await store.create(tx, HEIGHT)
    expect((await store.get(tx.txid, ['outputs'])).outputs).toEqual(tx.outputs)
  })

  it('refuses a body that holds other outputs', async () => {
    const [tx, other] = [withoutInputs(40_000), withoutInputs(40_000)]
    await store.createPartial(tx.txid, new Map(other.outputs.entries()), HEIGHT)
    await store.delete(tx.txid)
    await expect(store.create(tx, HEIGHT)).rejects.toMatchObject({
      code: 'BLOB_ALREADY_EXISTS' satisfies StoreError['code'],
    })
  })
})

it('a body of the whole transaction, as others have written it, is read and removed', async () => {
  const tx = withoutInputs(40_000)
  await store.create(tx, HEIGHT)
  const path = join(folder, txidToHex(tx.txid))
  await rm(`${path}.outputs`)
  await writeFile(`${path}.tx`, Buffer.concat([Buffer.from('T-1.0   '), encodeTransaction(tx)]))
  expect(await store.get(tx.txid, ['tx', 'txInpoints'])).toMatchObject({
    tx: { txid: tx.txid },
    txInpoints: [],
  })
  await store.deleteComplete(tx.txid)
  expect(await bodiesOf(tx)).toEqual([])
})
