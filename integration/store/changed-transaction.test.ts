import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { type Transaction, UtxoStore } from 'aerospike-utxo-store'
import { storeUrl, type TestServer, testServer } from '../servers/server.ts'
import { coinbase, spending } from './sample-transactions.ts'

/** A caller that changes a transaction while it is being created breaks his own call, and nothing else. */

let server: TestServer
let store: UtxoStore

beforeAll(async () => {
  server = await testServer()
  store = await UtxoStore.open(storeUrl(server), {
    // The bound of a call is far away: who is left waiting is seen.
    settings: { utxoBatchSize: 2, batchPolicyTotalTimeout: 60_000 },
  })
  store.setBlockState(500, 1_700_000_000)
})
afterAll(async () => {
  await store.close()
  await server.close()
})

it.each([
  ['one record', 1],
  ['several records', 5],
])(
  'a transaction of %s whose inputs go while it is stored: a typed error',
  async (_, outputs) => {
    const parent = coinbase()
    await store.create(parent, 300)
    const tx = spending([{ tx: parent, vout: 0 }], { outputs })
    const { transport } = store
    store.transport = {
      preparesStatements: transport.preparesStatements,
      async batchOperate(rows, options) {
        const answers = await transport.batchOperate(rows, options)
        const isMaster = rows.some(({ kind, key }) => kind === 'write' && key.userKey.length === 32)
        if (isMaster) (tx.inputs as (Transaction['inputs'][number] | null)[])[0] = null
        return answers
      },
    }
    const created = store.create(tx, 500)
    await expect(created).rejects.toMatchObject({ name: 'StoreError', code: 'UNKNOWN' })
    store.transport = transport
    expect(await store.get(tx.txid, ['conflicting'])).toEqual({ conflicting: false })
  },
  5_000,
)
