import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type StoreError, type Transaction, txidToHex, UtxoStore } from 'aerospike-utxo-store'
import { removeIndexes } from '../servers/remove-indexes.ts'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { createPaged, RecordAccess } from './record-access.ts'
import { coinbase, spending } from './sample-transactions.ts'

/** What happens to transactions that leave the longest chain, wait for a block, or are kept from the pruner. */

const TIP = 1_000
const RETENTION = 288
const UNMINED_RETENTION = 144
const set = uniqueSet('reorganisation')
const otherSet = uniqueSet('reorganisation')

let server: TestServer
let store: UtxoStore
let records: RecordAccess

beforeAll(async () => {
  server = await testServer()
  store = await UtxoStore.open(storeUrl(server, { set }), {
    settings: { utxoBatchSize: 2, spendBatcherDurationMillis: 1, incrementBatcherDurationMillis: 1 },
  })
  store.setBlockState(TIP, 1_700_000_000)
  records = new RecordAccess(store, set)
})
afterAll(async () => {
  await store.close()
  await removeIndexes(server, [set, otherSet])
  await server.close()
})

const MINED = { blockId: 7, blockHeight: 900, subtreeIdx: 0, onLongestChain: true }

async function mined(outputs = 3): Promise<Transaction> {
  const tx = await createPaged(store, outputs)
  await store.setMinedMulti([tx.txid], MINED)
  return tx
}

async function minedAndSpent(): Promise<Transaction> {
  const tx = await mined()
  await store.spend(spending(tx.outputs.map((_, vout) => ({ tx, vout }))), TIP)
  return tx
}

const heights = (tx: Transaction): Promise<unknown[]> => records.everywhere(tx.txid, 1, 'deleteAtHeight')

async function bin(tx: Transaction, name: string): Promise<unknown> {
  return (await records.read(tx.txid))?.[name]
}

describe('markTransactionsOnLongestChain', () => {
  it('lesson 62: off the chain it counts as unmined since a while ago, and a second mark moves nothing', async () => {
    const tx = await mined()
    await store.markTransactionsOnLongestChain([tx.txid], false)
    expect(await bin(tx, 'unminedSince')).toBe(TIP - UNMINED_RETENTION)
    await records.write(tx.txid, { unminedSince: 17 })
    await store.markTransactionsOnLongestChain([tx.txid], false)
    expect(await bin(tx, 'unminedSince')).toBe(17)
    await store.markTransactionsOnLongestChain([tx.txid], true)
    expect(await bin(tx, 'unminedSince')).toBeUndefined()
  })

  it.each<[number, number]>([
    [1, 1],
    [144, 1],
    [145, 1],
    [146, 2],
  ])('lesson 61: at a tip of %p it is unmined since %p, never since 0', async (tip, since) => {
    const tx = await mined()
    store.setBlockState(tip, 1_700_000_000)
    await store.markTransactionsOnLongestChain([tx.txid], false).finally(() => {
      store.setBlockState(TIP, 1_700_000_000)
    })
    expect(await bin(tx, 'unminedSince')).toBe(since)
  })

  it('off the chain it is not pruned, and on it again it is', async () => {
    const tx = await minedAndSpent()
    expect(await heights(tx)).toEqual([TIP + RETENTION, TIP + RETENTION])
    await store.markTransactionsOnLongestChain([tx.txid], false)
    expect(await heights(tx)).toEqual([undefined, undefined])
    await store.markTransactionsOnLongestChain([tx.txid], true)
    expect(await heights(tx)).toEqual([TIP + RETENTION, TIP + RETENTION])
  })

  it('mends pages that an interrupted call has left with a delete-at-height', async () => {
    const tx = await minedAndSpent()
    await records.write(tx.txid, { deleteAtHeight: null, unminedSince: 5 })
    await store.markTransactionsOnLongestChain([tx.txid], false)
    expect(await heights(tx)).toEqual([undefined, undefined])
  })

  it('a process that dies after its first write leaves no master that is due', async () => {
    const tx = await minedAndSpent()
    const dying = await UtxoStore.open(storeUrl(server, { set }), {
      settings: { utxoBatchSize: 2, incrementBatcherDurationMillis: 1 },
    })
    dying.setBlockState(TIP, 1_700_000_000)
    const good = dying.transport
    let batches = 0
    dying.transport = {
      batchOperate: async (rows, options) => {
        batches += 1
        if (batches > 1) throw new Error('the process has died')
        return good.batchOperate(rows, options)
      },
    }
    await expect(dying.markTransactionsOnLongestChain([tx.txid], false)).rejects.toMatchObject({
      code: 'STORAGE_ERROR',
    })
    await dying.close()
    expect(await bin(tx, 'unminedSince')).toBe(TIP - UNMINED_RETENTION)
    expect(await bin(tx, 'deleteAtHeight')).toBeUndefined()
  })

  it('a conflicting one keeps the height that it has', async () => {
    const tx = await mined(1)
    await records.write(tx.txid, { conflicting: true, deleteAtHeight: 1_100 })
    await store.markTransactionsOnLongestChain([tx.txid], false)
    expect(await bin(tx, 'unminedSince')).toBe(TIP - UNMINED_RETENTION)
    expect(await bin(tx, 'deleteAtHeight')).toBe(1_100)
  })

  it('a live one gets no delete-at-height on the chain', async () => {
    const tx = await mined()
    await store.markTransactionsOnLongestChain([tx.txid], false)
    await store.markTransactionsOnLongestChain([tx.txid], true)
    expect(await heights(tx)).toEqual([undefined, undefined])
  })

  it('lesson 68: a missing one is TX_NOT_FOUND and stays missing; the others are marked', async () => {
    for (const onLongestChain of [true, false]) {
      const [tx, missing] = [await mined(), coinbase()]
      await expect(
        store.markTransactionsOnLongestChain([missing.txid, tx.txid], onLongestChain),
      ).rejects.toMatchObject({ code: 'TX_NOT_FOUND' })
      expect(await records.read(missing.txid)).toBeUndefined()
      expect(await bin(tx, 'unminedSince')).toBe(onLongestChain ? undefined : TIP - UNMINED_RETENTION)
    }
  })

  it('keeps the first ten of many errors', async () => {
    const missing = Array.from({ length: 50 }, () => coinbase().txid)
    const error: StoreError = await store
      .markTransactionsOnLongestChain(missing, true)
      .catch(failure => failure)
    expect(error.code).toBe('TX_NOT_FOUND')
    expect((error.cause as AggregateError).errors).toHaveLength(10)
  })

  it('needs the tip: a delete-at-height counted from 0 would have passed', async () => {
    const fresh = await UtxoStore.open(storeUrl(server, { set }))
    await expect(fresh.markTransactionsOnLongestChain([], true)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
    await fresh.close()
  })
})

describe('preserveTransactions', () => {
  it('lesson 63: only transactions at risk are touched; others and missing ones are passed over', async () => {
    const [spent, live, missing] = [await minedAndSpent(), await mined(), coinbase()]
    const counts = await store.preserveTransactions([spent.txid, live.txid, missing.txid], 2_000)
    expect(counts).toEqual({ preserved: 1, passedOver: 2, failed: 0 })
    expect(await heights(spent)).toEqual([undefined, undefined])
    expect(await bin(spent, 'preserveUntil')).toBe(2_000)
    expect(await bin(live, 'preserveUntil')).toBeUndefined()
    expect(await records.read(missing.txid)).toBeUndefined()
  })

  it('moves an earlier preservation', async () => {
    const tx = await minedAndSpent()
    await store.preserveTransactions([tx.txid], 2_000)
    await store.preserveTransactions([txidToHex(tx.txid)], 3_000)
    expect(await bin(tx, 'preserveUntil')).toBe(3_000)
  })

  it('refuses height 0, which no query would find', async () => {
    await expect(store.preserveTransactions([], 0)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})

describe('work by secondary index', () => {
  it('lesson 64: of expired preservations only what can be pruned gets a delete-at-height', async () => {
    const HEIGHT = 5_000
    await store.processExpiredPreservations(HEIGHT)
    const made = async (change: Record<string, unknown>, spent = true) => {
      const tx = spent ? await minedAndSpent() : await mined()
      await records.write(tx.txid, {
        deleteAtHeight: null,
        preserveUntil: HEIGHT,
        ...(change as Record<string, null>),
      })
      await store.setDeleteAtHeightForChildRecords(tx.txid, 1, 0)
      return tx
    }
    const never = [undefined, undefined]
    const then = [HEIGHT + RETENTION, HEIGHT + RETENTION]
    const cases: [string, Transaction, number | undefined, unknown[]][] = [
      ['all spent, at its height', await made({}), undefined, then],
      ['long expired', await made({ preserveUntil: 1 }), undefined, then],
      ['one block early', await made({ preserveUntil: HEIGHT + 1 }), HEIGHT + 1, never],
      ['live outputs', await made({}, false), undefined, never],
      ['a live output beside spent pages', await made({ spentUtxos: 1 }), undefined, never],
      ['a page that is not counted', await made({ spentExtraRecs: 0 }), undefined, never],
      ['no count of pages', await made({ spentExtraRecs: null }), undefined, never],
      ['a count that drifted', await made({ spentUtxos: 2, spentExtraRecs: 1 }, false), undefined, never],
      ['unmined', await made({ unminedSince: 900 }), undefined, never],
      ['in no block', await made({ blockIDs: [], blockHeights: [], subtreeIdxs: [] }), undefined, never],
      ['conflicting', await made({ conflicting: true }, false), undefined, then],
    ]
    expect(await store.processExpiredPreservations(HEIGHT)).toBe(cases.length - 1)
    const after = await Promise.all(
      cases.map(async ([name, tx]) => [name, await bin(tx, 'preserveUntil'), await heights(tx)]),
    )
    expect(after).toEqual(cases.map(([name, , preserved, deleted]) => [name, preserved, deleted]))
    expect(await store.processExpiredPreservations(HEIGHT)).toBe(0)
  })

  it('ends more preservations than one group holds', async () => {
    const txs = await Promise.all(
      Array.from({ length: 250 }, async () => {
        const tx = await createPaged(store, 1)
        await records.write(tx.txid, { preserveUntil: 7_000 })
        return tx
      }),
    )
    expect(await store.processExpiredPreservations(7_000)).toBeGreaterThanOrEqual(250)
    expect(await bin(txs[249] as Transaction, 'preserveUntil')).toBeUndefined()
  })

  it('finds transactions that have been unmined since a height or longer', async () => {
    const since = async (unminedSince: number): Promise<Transaction> => {
      const tx = await createPaged(store, 3)
      await records.write(tx.txid, { unminedSince })
      return tx
    }
    const txs = [await since(1), await since(599), await since(600), await since(601), await mined()]
    await records.write(await since(600).then(({ txid }) => txid), { txID: null })
    const found = (await store.queryOldUnminedTransactions(600)).map(txid => txidToHex(txid))
    expect(txs.map(({ txid }) => found.includes(txidToHex(txid)))).toEqual([true, true, true, false, false])
    expect(new Set(found).size).toBe(found.length)
    expect(await store.queryOldUnminedTransactions(0)).toEqual([])
  })

  it('finds those of its own set, whatever other sets of the namespace have an index of the usual name', async () => {
    const other = await UtxoStore.open(storeUrl(server, { set: otherSet }))
    const tx = await createPaged(other, 1)
    expect((await other.queryOldUnminedTransactions(TIP)).map(txidToHex)).toEqual([txidToHex(tx.txid)])
    await other.close()
  })
})
