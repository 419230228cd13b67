import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { diagnose, type Transport, UtxoStore } from 'aerospike-utxo-store'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { createPaged } from '../store/record-access.ts'
import { spending } from '../store/sample-transactions.ts'

const TIP = 1_000
const SETTINGS = {
  useSeparateUdfMinedModule: true,
  separateUdfSpendModuleCount: 3,
  // Otherwise filtered writes may take the place of both calls.
  enableSpendFilterExpressions: 'off',
  enableSetMinedFilterExpressions: 'off',
  spendBatcherDurationMillis: 1,
  storeBatcherDurationMillis: 1,
} as const
const set = uniqueSet('copies')

let server: TestServer
let store: UtxoStore
/** Names of the modules that were called. */
const called = new Map<string, Set<string>>()

beforeAll(async () => {
  server = await testServer()
  store = await UtxoStore.open(storeUrl(server, { set }), { settings: SETTINGS })
  store.setBlockState(TIP, 1_700_000_000)
  const transport: Transport = store.transport
  store.transport = {
    batchOperate(rows, options) {
      for (const row of rows) {
        if (row.kind !== 'apply') continue
        const modules = called.get(row.function) ?? new Set()
        called.set(row.function, modules.add(row.module.replace(/^utxo_store_[0-9a-f]+/, '')))
      }
      return transport.batchOperate(rows, options)
    },
  }
})
afterAll(async () => {
  await store.close()
  await server.close()
})

it('spends and setMined run in copies of the module, everything else in the module itself', async () => {
  // So many that none of the copies is left out by chance.
  for (let n = 0; n < 60; n += 1) {
    const tx = await createPaged(store, 2)
    await store.setMinedMulti([tx.txid], {
      blockId: 7,
      blockHeight: 900,
      subtreeIdx: 0,
      onLongestChain: true,
    })
    await store.spend(spending([{ tx, vout: 0 }]), TIP)
    await store.setLocked([tx.txid], false)
    expect(await store.getSpend({ txid: tx.txid, vout: 0 })).toMatchObject({ status: 'SPENT' })
  }
  expect(Object.fromEntries([...called].map(([name, modules]) => [name, [...modules].sort()]))).toEqual({
    setMined: ['_mined'],
    spendMulti: ['_0', '_1', '_2'],
    setLocked: [''],
  })
})

it('doctor looks for each of them', async () => {
  const findings = await diagnose(storeUrl(server, { set }), { settings: SETTINGS })
  expect(findings.find(({ check }) => check === 'udf module')).toMatchObject({
    level: 'ok',
    message: expect.stringContaining('under 5 names'),
  })
})
