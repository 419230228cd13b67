import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type SettingsInput, type Transaction, UtxoStore } from 'aerospike-utxo-store'
import { removeIndexes } from '../servers/remove-indexes.ts'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { RecordAccess } from './record-access.ts'
import { coinbase, spending } from './sample-transactions.ts'

/** What is written at heights whose sums with a retention or a maturity leave 32 bits stays readable. */

const HEIGHT_MAX = 2 ** 32 - 1
const set = uniqueSet('highest-heights')
const SETTINGS = {
  utxoBatchSize: 2,
  storeBatcherDurationMillis: 1,
  spendBatcherDurationMillis: 1,
  getBatcherDurationMillis: 1,
  incrementBatcherDurationMillis: 1,
  setDAHBatcherDurationMillis: 1,
} as const satisfies SettingsInput

let server: TestServer

beforeAll(async () => {
  server = await testServer()
})
afterAll(async () => {
  await removeIndexes(server, [set, `${set}_pruneintent`])
  await server.close()
})

describe.each(['off', 'on'] as const)('with filtered writes %s', filtered => {
  let store: UtxoStore
  let records: RecordAccess

  beforeAll(async () => {
    const expressions = { enableSpendFilterExpressions: filtered, enableSetMinedFilterExpressions: filtered }
    store = await UtxoStore.open(storeUrl(server, { set }), { settings: { ...SETTINGS, ...expressions } })
    store.setBlockState(HEIGHT_MAX, 1_700_000_000)
    records = new RecordAccess(store, set)
  })
  afterAll(() => store.close())

  const mined = (tx: Transaction, unsetMined = false) =>
    store.setMinedMulti([tx.txid], {
      blockId: 7,
      blockHeight: HEIGHT_MAX,
      subtreeIdx: 0,
      onLongestChain: true,
      unsetMined,
    })

  it('a coinbase matures at the last height, where it can be spent', async () => {
    const tx = coinbase({ outputs: 3 })
    await store.create(tx, HEIGHT_MAX)
    expect(await records.everywhere(tx.txid, 1, 'spendingHeight')).toEqual([HEIGHT_MAX, HEIGHT_MAX])
    expect(await store.getSpend({ txid: tx.txid, vout: 2 })).toMatchObject({ status: 'OK' })
  })

  it('a spent transaction is never due: on its master, on its pages, and for the pruner', async () => {
    const [single, paged] = [coinbase(), coinbase({ outputs: 3 })]
    for (const tx of [single, paged]) {
      await store.create(tx, 100)
      await mined(tx)
      await store.spendAndCreate(spending(tx.outputs.map((_, vout) => ({ tx, vout }))), HEIGHT_MAX)
    }
    expect(await records.everywhere(single.txid, 0, 'deleteAtHeight')).toEqual([HEIGHT_MAX])
    expect(await records.everywhere(paged.txid, 1, 'deleteAtHeight')).toEqual([HEIGHT_MAX, HEIGHT_MAX])
    expect(await store.get(single.txid, ['deleteAtHeight'])).toEqual({})
    expect(await store.prune(HEIGHT_MAX)).toMatchObject({
      outcome: 'complete',
      height: HEIGHT_MAX,
      processed: 0,
    })
    expect(await records.read(single.txid)).toBeDefined()
  })

  it('the block that comes last makes it never due, too', async () => {
    const tx = coinbase()
    await store.create(tx, 100)
    await store.spendAndCreate(spending([{ tx, vout: 0 }]), 1_000)
    await mined(tx)
    expect(await store.get(tx.txid, ['deleteAtHeight'])).toEqual({})
  })

  it('a conflicting transaction is never due', async () => {
    const [created, marked] = [coinbase(), coinbase()]
    await store.create(created, HEIGHT_MAX, { conflicting: true })
    await store.create(marked, 100)
    await store.setConflicting([marked.txid], true)
    for (const { txid } of [created, marked]) expect(await store.get(txid, ['deleteAtHeight'])).toEqual({})
  })

  it('one that loses its last block is unmined since the tip', async () => {
    const tx = coinbase()
    await store.create(tx, 100)
    await mined(tx)
    await mined(tx, true)
    expect(await store.get(tx.txid, ['unminedSince'])).toEqual({ unminedSince: HEIGHT_MAX })
  })

  it('a preservation that ends at the last height makes it never due', async () => {
    const tx = coinbase({ outputs: 3 })
    await store.create(tx, 100, { conflicting: true })
    await store.preserveTransactions([tx.txid], 200)
    expect(await store.processExpiredPreservations(HEIGHT_MAX)).toBe(1)
    expect(await records.everywhere(tx.txid, 1, 'deleteAtHeight')).toEqual([HEIGHT_MAX, HEIGHT_MAX])
  })
})
