import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import {
  type BlockMembership,
  type RecordWalk,
  type Transaction,
  txidToHex,
  type UnminedTransaction,
  UtxoStore,
  type WalkedTransaction,
} from 'aerospike-utxo-store'
import { removeIndexes } from '../servers/remove-indexes.ts'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { createPaged, RecordAccess } from './record-access.ts'
import { coinbase, spending } from './sample-transactions.ts'

const TIP = 1_000
const set = uniqueSet('prune-walks')

let server: TestServer
let store: UtxoStore
let records: RecordAccess

const opened = async (of: string): Promise<UtxoStore> => {
  const other = await UtxoStore.open(storeUrl(server, { set: of }), {
    settings: { utxoBatchSize: 2, storeBatcherDurationMillis: 1, spendBatcherDurationMillis: 1 },
  })
  other.setBlockState(TIP, 1_700_000_000)
  return other
}

beforeAll(async () => {
  server = await testServer()
  store = await opened(set)
  records = new RecordAccess(store, set)
})
afterAll(async () => {
  await store.close()
  await removeIndexes(server, [set])
  await server.close()
})

async function all<Entry>(walk: RecordWalk<Entry>): Promise<Entry[]> {
  const entries: Entry[] = []
  for await (const batch of walk) entries.push(...batch)
  return entries
}

const of = <Entry extends { txid: Uint8Array }>(
  entries: readonly Entry[],
  tx: Transaction,
): Entry | undefined => entries.find(({ txid }) => txidToHex(txid) === txidToHex(tx.txid))

const MINED = { blockId: 7, blockHeight: 900, subtreeIdx: 0, onLongestChain: true }
/** On a fork. */
const FORKED = { ...MINED, blockId: 8, onLongestChain: false }

describe('walks', () => {
  let parent: Transaction
  let unmined: Transaction
  let large: Transaction
  let forked: Transaction
  let conflicting: Transaction
  let paged: Transaction

  beforeAll(async () => {
    parent = coinbase({ outputs: 2 })
    await store.create(parent, 100, { minedBlockInfos: [{ blockId: 7, blockHeight: 900, subtreeIdx: 0 }] })
    unmined = spending([
      { tx: parent, vout: 1 },
      { tx: parent, vout: 0 },
    ])
    await store.create(unmined, 900, { locked: true })
    large = spending([{ tx: unmined, vout: 0 }], { salt: Buffer.alloc(40_000, 1) })
    await store.create(large, 901)
    forked = spending([{ tx: parent, vout: 0 }])
    await store.create(forked, 902)
    await store.setMinedMulti([forked.txid], FORKED)
    conflicting = spending([{ tx: parent, vout: 0 }])
    await store.create(conflicting, 903, { conflicting: true })
    paged = await createPaged(store, 5)
    // A record that is no transaction.
    await store.health()
  })

  describe('unminedTransactions', () => {
    let found: UnminedTransaction[]
    beforeEach(async () => {
      found = await all(store.unminedTransactions())
    })

    it('finds what is unmined, once, and neither what is mined nor what conflicts', () => {
      expect(found.map(({ txid }) => txidToHex(txid)).sort()).toEqual(
        [unmined, large, forked, paged].map(({ txid }) => txidToHex(txid)).sort(),
      )
    })

    it('tells of each what a block builder needs, of an external one from its body', () => {
      expect(of(found, unmined)).toEqual({
        skip: false,
        txid: expect.anything(),
        fee: 9_999_999_000,
        sizeInBytes: unmined.sizeBytes,
        txInpoints: [{ txid: expect.anything(), vouts: [1, 0] }],
        createdAt: expect.any(Number),
        locked: true,
        blockIds: [],
        unminedSince: 900,
      })
      expect(of(found, large)).toMatchObject({ txInpoints: [{ vouts: [0] }], locked: false })
      expect(of(found, forked)).toMatchObject({ blockIds: [8], unminedSince: 902 })
    })

    it('gives a coinbase to be skipped', async () => {
      const lone = coinbase()
      await store.create(lone, 900)
      expect(of(await all(store.unminedTransactions()), lone)).toEqual({
        skip: true,
        txid: expect.anything(),
      })
      await store.delete(lone.txid)
    })

    it('ends with an error where a record is damaged', async () => {
      await records.write(forked.txid, { locked: 1 })
      await expect(all(store.unminedTransactions())).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
      await records.write(forked.txid, { locked: false })
    })
  })

  it('conflictingTransactions finds the conflicting one', async () => {
    const found: WalkedTransaction[] = await all(store.conflictingTransactions())
    expect(found).toMatchObject([
      { txid: expect.anything(), unminedSince: 903, txInpoints: [{ vouts: [0] }] },
    ])
    expect(of(found, conflicting)).toBeDefined()
  })

  it('inconsistentTransactions gives all transactions, or those that a chain contradicts', async () => {
    const walk = store.inconsistentTransactions()
    const found: BlockMembership[] = await all(walk)
    expect(found).toHaveLength(6)
    expect(of(found, parent)).toEqual({ txid: expect.anything(), blockIds: [7], unminedSince: 0 })
    expect(of(found, forked)).toEqual({ txid: expect.anything(), blockIds: [8], unminedSince: 902 })
    // Two pages; the record of the health check and the rest have no blocks.
    expect(walk.recordsScanned).toBeGreaterThanOrEqual(8)
    const onChain = (ids: number[]) =>
      all(store.inconsistentTransactions({ isOnLongestChain: id => ids.includes(id) }))
    expect(await onChain([7])).toEqual([])
    expect(of(await onChain([7, 8]), forked)).toBeDefined()
    expect(of(await onChain([]), parent)).toBeDefined()
  })

  it('passes over what cannot be read', async () => {
    await records.write(forked.txid, { blockIDs: 'x' })
    expect(await all(store.inconsistentTransactions())).toHaveLength(5)
    await records.write(forked.txid, { blockIDs: [8] })
  })

  it('begin with the iteration, tell how far they are, and are iterated once', async () => {
    const seen: number[] = []
    const walk = store.inconsistentTransactions({ onProgress: ({ done }) => seen.push(done) })
    expect(walk.recordsScanned).toBe(0)
    await all(walk)
    expect(seen.at(-1)).toBe(4_096)
    expect(() => walk[Symbol.asyncIterator]()).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })

  it('end with the loop, with their signal, and with the store', async () => {
    for await (const _ of store.inconsistentTransactions()) break
    const aborted = store.unminedTransactions({ signal: AbortSignal.abort() })
    await expect(all(aborted)).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
    const other = await opened(set)
    const iterator = other.inconsistentTransactions()[Symbol.asyncIterator]()
    expect((await iterator.next()).done).toBe(false)
    // Nobody takes the next batch: the close does not wait for him.
    await other.close()
    await expect(all(other.unminedTransactions())).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
  })
})

describe('a transaction whose body is gone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'walked-bodies-'))
  const bodiesSet = uniqueSet('walked-bodies')
  let walking: UtxoStore
  let tx: Transaction

  beforeAll(async () => {
    walking = await UtxoStore.open(storeUrl(server, { set: bodiesSet, externalStore: `file://${folder}` }), {
      settings: { utxoBatchSize: 2, useExternalTxCache: false },
    })
    walking.setBlockState(TIP, 1_700_000_000)
    tx = spending([{ tx: coinbase(), vout: 0 }], { outputs: 5 })
    await walking.create(tx, TIP, { conflicting: true })
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
      if (name.includes(txidToHex(tx.txid))) rmSync(join(folder, name))
  })
  afterAll(async () => {
    await walking.close()
    rmSync(folder, { recursive: true })
  })

  it('ends the walk while its record is there: what it spends is not known', async () => {
    await expect(all(walking.conflictingTransactions())).rejects.toMatchObject({ code: 'STORAGE_ERROR' })
  })

  it('is passed over when it was removed since it was found', async () => {
    const removed = new RecordAccess(walking, bodiesSet)
    const good = walking.transport
    walking.transport = {
      async batchOperate(rows, options) {
        // The walk has found it by now, and looks for its record.
        await good.batchOperate([{ kind: 'remove', key: { set: bodiesSet, userKey: tx.txid } }], options)
        return good.batchOperate(rows, options)
      },
    }
    expect(await all(walking.conflictingTransactions())).toEqual([])
    walking.transport = good
    expect(await removed.read(tx.txid)).toBeUndefined()
  })
})
