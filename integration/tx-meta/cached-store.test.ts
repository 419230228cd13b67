import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { type Transaction, UtxoStore } from 'aerospike-utxo-store'
import { CachedUtxoStore } from 'aerospike-utxo-store/tx-meta'
import { storeUrl, type TestServer, testServer } from '../servers/server.ts'
import { coinbase, spending } from '../store/sample-transactions.ts'

const HEIGHT = 500
const MATURE_SINCE = 1
const BLOCK = { blockId: 3, blockHeight: HEIGHT, subtreeIdx: 0, onLongestChain: true }

let server: TestServer
let cached: CachedUtxoStore
/** Another process's view: changes that pass by the cache. */
let store: UtxoStore

beforeAll(async () => {
  server = await testServer()
  store = await UtxoStore.open(storeUrl(server))
  store.setBlockState(HEIGHT, 1_700_000_000)
})

beforeEach(() => {
  cached = new CachedUtxoStore(store, { megabytes: 1 })
})

afterAll(async () => {
  await store.close()
  await server.close()
})

/** A transaction whose parent is stored, too. */
async function child(
  salt = Uint8Array.of(1),
  outputs = 2,
): Promise<{ tx: Transaction; parent: Transaction }> {
  const parent = coinbase()
  await store.create(parent, MATURE_SINCE)
  return { tx: spending([{ tx: parent, vout: 0 }], { salt, outputs }), parent }
}

const hits = (): number => cached.cacheStatistics.hits

describe('what was kept goes when something newer is heard of', () => {
  async function kept(): Promise<Transaction> {
    const { tx } = await child(randomBytes(4))
    await cached.spendAndCreate(tx, HEIGHT)
    return tx
  }

  it('from the store, in a batch: a transaction that conflicts, one that is gone', async () => {
    const [disputed, gone] = [await kept(), await kept()]
    await store.setConflicting([disputed.txid], true)
    await store.deleteComplete(gone.txid)
    const [, missing] = await cached.batchDecorate([disputed.txid, gone.txid])
    expect(missing?.error?.code).toBe('TX_NOT_FOUND')
    expect((await cached.getMeta(disputed.txid)).conflicting).toBe(true)
    await expect(cached.getMeta(gone.txid)).rejects.toMatchObject({ code: 'TX_NOT_FOUND' })
    expect(hits()).toBe(0)
  })

  it('from its own creation: a transaction that conflicts', async () => {
    const tx = await kept()
    await store.deleteComplete(tx.txid)
    await cached.create(tx, HEIGHT, { conflicting: true })
    expect((await cached.getMeta(tx.txid)).conflicting).toBe(true)
  })

  it('from elsewhere, although that cannot be kept', async () => {
    const tx = await kept()
    const known = await cached.getMeta(tx.txid)
    await store.setConflicting([tx.txid], true)
    expect(() => cached.setCache(tx.txid, { ...known, conflicting: true, frozen: false } as never)).toThrow()
    expect((await cached.getMeta(tx.txid)).conflicting).toBe(true)
  })
})

describe('a cached store', () => {
  it('answers what was created as the store does, but for blocks and locktime', async () => {
    const { tx } = await child()
    await cached.spendAndCreate(tx, HEIGHT)
    const { locktime: _, ...stored } = await store.getMeta(tx.txid)
    expect(await cached.getMeta(tx.txid)).toEqual(stored)
    expect(hits()).toBe(1)
  })

  it('answers no call that was given up beforehand, as the store', async () => {
    const { tx } = await child()
    await cached.spendAndCreate(tx, HEIGHT)
    const [signal, cause] = [AbortSignal.abort('had enough'), 'had enough']
    await expect(store.getMeta(tx.txid, { signal })).rejects.toMatchObject({
      code: 'CONTEXT_CANCELED',
      cause,
    })
    await expect(cached.getMeta(tx.txid, { signal })).rejects.toMatchObject({
      code: 'CONTEXT_CANCELED',
      cause,
    })
    expect(hits()).toBe(0)
    await cached.getMeta(tx.txid, { signal: new AbortController().signal })
    expect(hits()).toBe(1)
  })

  it('answers a transaction of several records, whose body is elsewhere', async () => {
    const { tx } = await child(Uint8Array.of(2), 300)
    await cached.create(tx, HEIGHT)
    const { locktime: _, external: __, ...stored } = await store.getMeta(tx.txid)
    expect(await cached.getMeta(tx.txid)).toEqual(stored)
    expect(hits()).toBe(1)
  })

  it('keeps what a batch has read', async () => {
    const { tx } = await child()
    await store.create(tx, HEIGHT)
    const plain = await store.batchDecorate([tx.txid, new Uint8Array(32).fill(0xff)])
    expect(await cached.batchDecorate([tx.txid, new Uint8Array(32).fill(0xff)])).toEqual(plain)
    await cached.getMeta(tx.txid)
    expect(hits()).toBe(1)
  })

  it('keeps nothing of a transaction of which only outputs are known', async () => {
    const { tx } = await child()
    const [output] = tx.outputs
    await cached.createPartial(tx.txid, new Map(output === undefined ? [] : [[0, output]]), HEIGHT)
    expect(await cached.getMeta(tx.txid)).toMatchObject({ txInpoints: [], sizeInBytes: 0 })
    expect(cached.cacheStatistics.entries).toBe(0)
  })

  it('sees locks, freezes, conflicts, blocks and removals that went through it', async () => {
    const { tx } = await child()
    await cached.create(tx, HEIGHT)
    await cached.setLocked([tx.txid], true)
    expect(await cached.getMeta(tx.txid)).toMatchObject({ locked: true })
    await cached.setLocked([tx.txid], false)
    expect(await cached.getMeta(tx.txid)).toMatchObject({ locked: false })
    await cached.freezeUtxos([{ txid: tx.txid, vout: 0 }])
    await cached.unfreezeUtxos([{ txid: tx.txid, vout: 0 }])
    await cached.setConflicting([tx.txid], true)
    expect(await cached.getMeta(tx.txid)).toMatchObject({ conflicting: true })
    await cached.setConflicting([tx.txid], false)
    expect(await cached.getMeta(tx.txid)).toMatchObject({ conflicting: false })
    await cached.setMinedMulti([tx.txid], BLOCK)
    expect(await cached.getMeta(tx.txid)).toMatchObject({ blockIds: [3] })
    await cached.deleteComplete(tx.txid)
    await expect(cached.getMeta(tx.txid)).rejects.toMatchObject({ code: 'TX_NOT_FOUND' })
  })

  it('sees what conflict processing did to winner, loser and parent', async () => {
    const { tx: loser, parent } = await child()
    const winner = spending([{ tx: parent, vout: 0 }], { salt: Uint8Array.of(9) })
    await cached.spendAndCreate(loser, HEIGHT)
    await cached.create(winner, HEIGHT, { conflicting: true })
    for (const { txid } of [parent, loser]) await cached.getMeta(txid)
    await cached.processConflicting([winner.txid], { blockHeight: HEIGHT, blockHash: winner.txid })
    for (const { txid } of [winner, loser, parent]) {
      const { conflicting, locked } = await store.getMeta(txid)
      expect(await cached.getMeta(txid)).toMatchObject({ conflicting, locked })
    }
    expect((await cached.getMeta(loser.txid)).conflicting).toBe(true)
    expect((await cached.getMeta(winner.txid)).conflicting).toBe(false)
  })

  it('keeps nothing while conflict processing goes on whose caller has left', async () => {
    cached = new CachedUtxoStore(store, { megabytes: 1, uncertainMs: 0 })
    const { tx: loser, parent } = await child()
    await store.spendAndCreate(loser, HEIGHT)
    const winner = spending([{ tx: parent, vout: 0 }], { salt: Uint8Array.of(9) })
    await store.create(winner, HEIGHT, { conflicting: true })
    const controller = new AbortController()
    let goOn = (): void => {}
    const going = new Promise<void>(resolve => (goOn = resolve))
    const { transport } = store
    store.transport = {
      async batchOperate(rows, options) {
        if (rows.some(({ kind }) => kind !== 'read')) {
          controller.abort()
          await going
        }
        return transport.batchOperate(rows, options)
      },
    }
    try {
      const block = { blockHeight: HEIGHT, blockHash: new Uint8Array(32).fill(7) }
      const left = cached.processConflicting([winner.txid], block, { signal: controller.signal })
      await expect(left).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
      expect(await cached.getMeta(loser.txid)).toMatchObject({ conflicting: false })
      expect(cached.cacheStatistics.entries).toBe(0)
      goOn()
      // Its turn comes when the other has ended.
      await store.recoverConflicts(() => false)
    } finally {
      goOn()
      store.transport = transport
    }
    for (let time = 0; time < 2; time++) await cached.getMeta(parent.txid)
    expect(hits()).toBe(1)
  })

  it('never answers with flags from before a change, whatever is read at the same time', async () => {
    const { tx } = await child()
    await cached.create(tx, HEIGHT)
    for (let round = 0; round < 40; round++) {
      const locked = round % 2 === 0
      cached.removeFromCache(tx.txid)
      const reads = [cached.getMeta(tx.txid), cached.getMeta(tx.txid)]
      const change = cached.setLocked([tx.txid], locked)
      const later = [cached.getMeta(tx.txid), cached.batchDecorate([tx.txid])]
      await Promise.all([...reads, change, ...later])
      expect((await cached.getMeta(tx.txid)).locked).toBe(locked)
    }
  })
})

it('loads neither a client of Aerospike nor one of Kafka', () => {
  const program = `
    await import('aerospike-utxo-store/tx-meta')
    const { Module } = await import('node:module')
    const loaded = Object.keys(Module._cache).filter(path => /node_modules.(aerospike|node-rdkafka|wasmoon)/.test(path))
    process.stdout.write(JSON.stringify(loaded))`
  const run = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
    timeout: 30_000,
  })
  expect({ stdout: run.stdout, stderr: run.stderr }).toEqual({ stdout: '[]', stderr: '' })
})
