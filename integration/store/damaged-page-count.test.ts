import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { type Transaction, txidToHex, UtxoStore } from 'aerospike-utxo-store'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { createPaged, RecordAccess } from './record-access.ts'
import { spending } from './sample-transactions.ts'

/** Every page is visited, so a master that claims more pages than any transaction has must not be believed. */

const TIP = 1_000
const CLAIMED = 2 ** 20 + 1
const MINED = { blockId: 7, blockHeight: 900, subtreeIdx: 0, onLongestChain: true }
const REFUSED = {
  code: 'STORAGE_ERROR',
  message: expect.stringMatching(/the bin totalExtraRecs must be a number of pages .*, got 1048577/),
}
const set = uniqueSet('damaged-pages')

let server: TestServer
let store: UtxoStore
let records: RecordAccess

beforeAll(async () => {
  server = await testServer()
  store = await UtxoStore.open(storeUrl(server, { set }), {
    settings: { utxoBatchSize: 2, storeBatcherDurationMillis: 1, lockedBatcherDurationMillis: 20 },
  })
  store.setBlockState(TIP, 1_700_000_000)
  records = new RecordAccess(store, set)
})
afterAll(async () => {
  await store.close()
  await server.close()
})

describe('a master with a damaged count of pages', () => {
  let damaged: Transaction
  let neighbour: Transaction

  beforeEach(async () => {
    damaged = await createPaged(store, 3)
    neighbour = await createPaged(store, 3)
    await records.write(damaged.txid, { totalExtraRecs: CLAIMED })
  })

  it('fails setLocked, and its neighbour is locked with its page', async () => {
    const calls = [damaged, neighbour].map(({ txid }) => store.setLocked([txid], true))
    expect(await Promise.allSettled(calls)).toEqual([
      { status: 'rejected', reason: expect.objectContaining(REFUSED) },
      { status: 'fulfilled', value: undefined },
    ])
    expect(await records.everywhere(neighbour.txid, 1, 'locked')).toEqual([true, true])
  })

  it('fails setMinedMulti, which tells of the blocks of its neighbour', async () => {
    const blockIds = new Map([[txidToHex(neighbour.txid), [7]]])
    const call = store.setMinedMulti([damaged.txid, neighbour.txid], MINED)
    await expect(call).rejects.toMatchObject({ ...REFUSED, blockIds })
  })

  it('fails the reading of its outputs', async () => {
    await expect(store.get(damaged.txid, ['utxos'])).rejects.toMatchObject(REFUSED)
    const [bad, good] = await store.batchDecorate([damaged.txid, neighbour.txid], ['utxos'])
    expect(bad?.error).toMatchObject(REFUSED)
    expect(good?.data?.utxos).toHaveLength(3)
  })

  it.each<[string, () => Promise<unknown>]>([
    ['setConflicting', () => store.setConflicting([damaged.txid], true)],
    ['deleteComplete', () => store.deleteComplete(damaged.txid)],
    ['getConflictingChildren', () => store.getConflictingChildren(damaged.txid)],
  ])('fails %s', async (_, call) => {
    await expect(call()).rejects.toMatchObject(REFUSED)
    expect(await records.read(damaged.txid)).toBeDefined()
  })

  it('fails the spend that its pages would have to hear of', async () => {
    await store.setMinedMulti([neighbour.txid], MINED)
    await records.write(neighbour.txid, { totalExtraRecs: CLAIMED, spentExtraRecs: CLAIMED, external: true })
    const call = store.spend(spending([0, 1].map(vout => ({ tx: neighbour, vout }))), TIP)
    await expect(call).rejects.toMatchObject({
      spends: [{ error: expect.objectContaining(REFUSED) }, { error: expect.objectContaining(REFUSED) }],
    })
    expect((await records.read(neighbour.txid))?.spentUtxos).toBe(0)
  })

  it('is counted as failed by preserveTransactions', async () => {
    for (const { txid } of [damaged, neighbour])
      await records.write(txid, { external: true, deleteAtHeight: 2_000 })
    expect(await store.preserveTransactions([damaged.txid, neighbour.txid], 5_000)).toMatchObject({
      failed: 1,
    })
  })

  it('is left by processExpiredPreservations, and ends that of its neighbour', async () => {
    for (const { txid } of [damaged, neighbour]) await records.write(txid, { preserveUntil: 50 })
    await expect(store.processExpiredPreservations(60)).rejects.toMatchObject(REFUSED)
    expect((await records.read(damaged.txid))?.preserveUntil).toBe(50)
    expect((await records.read(neighbour.txid))?.preserveUntil).toBeUndefined()
    await records.write(damaged.txid, { preserveUntil: null })
  })

  it('is left by the pruner, which removes its neighbour', async () => {
    for (const { txid } of [damaged, neighbour])
      await records.write(txid, { deleteAtHeight: 70, conflicting: true })
    expect(await store.prune(80)).toMatchObject({ outcome: 'complete', processed: 1, failed: 1 })
    expect(await records.read(damaged.txid)).toBeDefined()
    expect(await records.everywhere(neighbour.txid, 1, 'txID')).toEqual([undefined, undefined])
  })
})
