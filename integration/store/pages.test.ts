import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import {
  type BatchRow,
  SpendError,
  type StoreError,
  type Transaction,
  type TransactionOutput,
  type Transport,
  UtxoStore,
  utxoHash,
} from 'aerospike-utxo-store'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { createPaged, RecordAccess } from './record-access.ts'
import { coinbase, LOCKING_SCRIPT, spending } from './sample-transactions.ts'

/** Transactions with more outputs than fit into one record: counting, locks and delete-at-heights of their pages. */

const TIP = 1_000
const RETENTION = 288
const set = uniqueSet('pages')

let server: TestServer
let store: UtxoStore
let records: RecordAccess
let good: Transport

beforeAll(async () => {
  server = await testServer()
  store = await UtxoStore.open(storeUrl(server, { set }), {
    settings: {
      utxoBatchSize: 2,
      storeBatcherDurationMillis: 1,
      spendBatcherDurationMillis: 1,
      incrementBatcherDurationMillis: 1,
      setDAHBatcherDurationMillis: 1,
    },
  })
  store.setBlockState(TIP, 1_700_000_000)
  records = new RecordAccess(store, set)
  good = store.transport
})
afterEach(() => {
  store.transport = good
})
afterAll(async () => {
  await store.close()
  await server.close()
})

const MINED = { blockId: 7, blockHeight: 900, subtreeIdx: 0, onLongestChain: true }

/** A mined transaction with two pages: outputs 0 and 1 in its master, 2 and 3, then 4 in its pages. */
async function mined(options: Parameters<typeof createPaged>[2] = {}): Promise<Transaction> {
  const tx = await createPaged(store, 5, options)
  await store.setMinedMulti([tx.txid], MINED)
  return tx
}

const spendOutputs = (tx: Transaction, vouts: readonly number[], height = TIP) =>
  store.spend(spending(vouts.map(vout => ({ tx, vout }))), height)

const heights = (tx: Transaction): Promise<unknown[]> => records.everywhere(tx.txid, 2, 'deleteAtHeight')

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: StoreError) => error.code,
  )

describe('a transaction whose outputs are spent, record by record', () => {
  it('counts fully spent pages, and gets a delete-at-height with the last of them, on every record', async () => {
    const tx = await mined()
    await spendOutputs(tx, [0, 1, 2])
    expect((await records.read(tx.txid))?.spentExtraRecs).toBeUndefined()
    await spendOutputs(tx, [3])
    expect((await records.read(tx.txid))?.spentExtraRecs).toBe(1)
    expect(await heights(tx)).toEqual([undefined, undefined, undefined])
    await spendOutputs(tx, [4])
    expect((await records.read(tx.txid))?.spentExtraRecs).toBe(2)
    expect(await heights(tx)).toEqual(new Array(3).fill(TIP + RETENTION))
  })

  it('counts all pages of one spend', async () => {
    const tx = await mined()
    await spendOutputs(tx, [0, 1, 2, 3, 4])
    expect(await heights(tx)).toEqual(new Array(3).fill(TIP + RETENTION))
  })

  it('gets it on every record when the master is the last to be fully spent', async () => {
    const tx = await mined()
    await spendOutputs(tx, [2, 3, 4])
    await spendOutputs(tx, [0, 1])
    expect(await heights(tx)).toEqual(new Array(3).fill(TIP + RETENTION))
  })

  it('lesson 47: an unspend takes it from every record', async () => {
    for (const undone of [0, 4]) {
      const tx = await mined()
      await spendOutputs(
        tx,
        [0, 1, 2, 3, 4].filter(vout => vout !== undone),
      )
      await store.unspend(await spendOutputs(tx, [undone]))
      expect(await heights(tx)).toEqual([undefined, undefined, undefined])
      await spendOutputs(tx, [undone], TIP + 10)
      expect(await heights(tx)).toEqual(new Array(3).fill(TIP + 10 + RETENTION))
    }
  })

  it.each<[string, (tx: Transaction) => Promise<unknown>]>([
    ['by a spend', tx => spendOutputs(tx, [4])],
    ['by a block', tx => store.setMinedMulti([tx.txid], { ...MINED, blockId: 8, blockHeight: 5_000 })],
  ])('lesson 47: pages that get it %s while the master loses it do not keep it', async (by, act) => {
    const tx = await mined()
    await spendOutputs(tx, by === 'by a spend' ? [0, 1, 2, 3] : [0, 1, 2, 3, 4])
    // As an unspend elsewhere whose own visit to the pages came before this one.
    let undone = 0
    store.transport = {
      async batchOperate(rows, options) {
        const answers = await good.batchOperate(rows, options)
        if (rows.some(setsDeleteAtHeight)) {
          undone += 1
          const key = { set, userKey: tx.txid }
          const operations = [{ kind: 'unset', bin: 'deleteAtHeight' }] as const
          await good.batchOperate([{ kind: 'write', key, operations, exists: 'update-only' }], options)
        }
        return answers
      },
    }
    await act(tx)
    expect(undone).toBe(1)
    expect(await heights(tx)).toEqual([undefined, undefined, undefined])
  })

  it('lesson 44: a later event at a lower height does not lower it', async () => {
    const tx = await mined()
    await spendOutputs(tx, [0, 1, 2, 3, 4])
    await store.setMinedMulti([tx.txid], { ...MINED, blockId: 8, blockHeight: 500 })
    expect(await heights(tx)).toEqual(new Array(3).fill(TIP + RETENTION))
    await store.setMinedMulti([tx.txid], { ...MINED, blockId: 9, blockHeight: 2_000 })
    expect(await heights(tx)).toEqual(new Array(3).fill(2_000 + RETENTION))
  })

  it('lesson 43: a block gives it by its own height, not by the tip', async () => {
    const tx = await createPaged(store, 5)
    await spendOutputs(tx, [0, 1, 2, 3, 4])
    expect(await heights(tx)).toEqual([undefined, undefined, undefined])
    await store.setMinedMulti([tx.txid], { ...MINED, blockHeight: TIP + 50 })
    expect(await heights(tx)).toEqual(new Array(3).fill(TIP + 50 + RETENTION))
    await store.setMinedMulti([tx.txid], { ...MINED, blockHeight: TIP + 50, unsetMined: true })
    expect(await heights(tx)).toEqual([undefined, undefined, undefined])
  })
})

function setsDeleteAtHeight(row: BatchRow): boolean {
  if (row.kind !== 'write') return false
  return row.operations.some(operation => operation.kind === 'put' && operation.bin === 'deleteAtHeight')
}

describe('closing', () => {
  it('lesson 17: what follows from a spend is done before the store is closed', async () => {
    const tx = await mined()
    await spendOutputs(tx, [0, 1, 2, 3])
    const closing = await UtxoStore.open(storeUrl(server, { set }), {
      settings: { utxoBatchSize: 2, incrementBatcherDurationMillis: 30, setDAHBatcherDurationMillis: 30 },
    })
    const spent = closing.spend(spending([{ tx, vout: 4 }]), TIP)
    await closing.close()
    await spent
    expect(await heights(tx)).toEqual(new Array(3).fill(TIP + RETENTION))
  })
})

describe('incrementSpentRecords', () => {
  it.each<[string, number | null, number, number]>([
    ['adds', null, 1, 1],
    ['subtracts', 2, -1, 1],
    ['never goes below 0', null, -1, 0],
    ['never exceeds the number of pages', 2, 1, 2],
  ])('lesson 45: %s', async (_, before, change, after) => {
    const tx = await mined()
    await records.write(tx.txid, { spentExtraRecs: before })
    await store.incrementSpentRecords(tx.txid, change, TIP)
    expect((await records.read(tx.txid))?.spentExtraRecs).toBe(after)
  })

  it('lesson 45: a count that had drifted prunes nothing: the delete-at-height is gone before it returns', async () => {
    const tx = await mined()
    await spendOutputs(tx, [0, 1, 2, 3])
    await store.incrementSpentRecords(tx.txid, 1, TIP)
    expect(await heights(tx)).toEqual([undefined, undefined, undefined])
    expect((await records.read(tx.txid))?.spentExtraRecs).toBe(2)
    await spendOutputs(tx, [4])
    expect(await heights(tx)).toEqual(new Array(3).fill(TIP + RETENTION))
  })

  it('lesson 45: pages that cannot be read count as unspent, and the caller is told', async () => {
    const tx = await mined()
    await spendOutputs(tx, [0, 1, 2, 3, 4])
    await records.write(tx.txid, { deleteAtHeight: null, spentExtraRecs: 1 })
    store.transport = {
      async batchOperate(rows, options) {
        const answers = await good.batchOperate(rows, options)
        return answers.map(answer =>
          rows[answer.index]?.kind === 'read' && rows[answer.index]?.key.userKey.length === 36
            ? { ...answer, status: 9, bins: undefined }
            : answer,
        )
      },
    }
    expect(await codeOf(store.incrementSpentRecords(tx.txid, 1, TIP))).toBe('STORAGE_ERROR')
    store.transport = good
    expect((await records.read(tx.txid))?.deleteAtHeight).toBeUndefined()
  })

  it('adds up what many callers count at once', async () => {
    const tx = await createPaged(store, 40)
    await Promise.all(Array.from({ length: 15 }, () => store.incrementSpentRecords(tx.txid, 1, TIP)))
    await Promise.all(Array.from({ length: 5 }, () => store.incrementSpentRecords(tx.txid, -1, TIP)))
    expect((await records.read(tx.txid))?.spentExtraRecs).toBe(10)
  })

  it('lesson 68: a missing transaction is TX_NOT_FOUND and stays missing', async () => {
    const { txid } = coinbase()
    expect(await codeOf(store.incrementSpentRecords(txid, 1, TIP))).toBe('TX_NOT_FOUND')
    expect(await records.read(txid)).toBeUndefined()
  })

  it.each<[number, number]>([
    [1.5, TIP],
    [1, 0],
  ])('refuses a change of %p at height %p', async (change, height) => {
    expect(await codeOf(store.incrementSpentRecords(coinbase().txid, change, height))).toBe(
      'INVALID_ARGUMENT',
    )
  })
})

describe('setDeleteAtHeightForChildRecords', () => {
  it('writes the pages and not the master, and takes it away with 0', async () => {
    const tx = await mined()
    await store.setDeleteAtHeightForChildRecords(tx.txid, 2, 77)
    expect(await heights(tx)).toEqual([undefined, 77, 77])
    await store.setDeleteAtHeightForChildRecords(tx.txid, 2, 0)
    expect(await heights(tx)).toEqual([undefined, undefined, undefined])
    await store.setDeleteAtHeightForChildRecords(tx.txid, 0, 77)
    expect(await heights(tx)).toEqual([undefined, undefined, undefined])
  })

  it('lesson 68: a page that was pruned stays gone', async () => {
    const tx = await mined()
    await records.remove(tx.txid, 1)
    await store.setDeleteAtHeightForChildRecords(tx.txid, 2, 77)
    expect(await records.read(tx.txid, 1)).toBeUndefined()
    expect(await heights(tx)).toEqual([undefined, undefined, 77])
  })
})

describe('locks on pages', () => {
  const spendable = async (tx: Transaction, vout: number): Promise<string | undefined> => {
    try {
      await spendOutputs(tx, [vout])
      return 'ok'
    } catch (error) {
      return error instanceof SpendError ? error.spends[0]?.error?.code : String(error)
    }
  }

  it('lesson 46: mining unlocks the pages even when another transaction of the call fails', async () => {
    const tx = await createPaged(store, 5, { locked: true })
    expect(await spendable(tx, 4)).toBe('TX_LOCKED')
    await expect(store.setMinedMulti([coinbase().txid, tx.txid], MINED)).rejects.toMatchObject({
      code: 'TX_NOT_FOUND',
    })
    expect(await spendable(tx, 4)).toBe('ok')
  })

  it('locking takes the delete-at-height from every record', async () => {
    const tx = await mined()
    await spendOutputs(tx, [0, 1, 2, 3, 4])
    await store.setLocked([tx.txid], true)
    expect(await heights(tx)).toEqual([undefined, undefined, undefined])
    expect(await records.everywhere(tx.txid, 2, 'locked')).toEqual([true, true, true])
  })

  it('a block lifts the locks of all records, and one that is taken away that of the master alone', async () => {
    const tx = await mined()
    const locks = (): Promise<unknown[]> => records.everywhere(tx.txid, 2, 'locked')
    await store.setLocked([tx.txid], true)
    await store.setMinedMulti([tx.txid], { ...MINED, unsetMined: true })
    expect(await locks()).toEqual([false, true, true])
    await store.setMinedMulti([tx.txid], MINED)
    expect(await locks()).toEqual([false, false, false])
  })
})

describe('what is an output to spend', () => {
  it('lesson 54: a transaction with a page of outputs that cannot be spent is fully spent with the others', async () => {
    const tx = coinbase({ outputs: 6 })
    const known = [0, 1, 5].map(vout => [vout, tx.outputs[vout] as TransactionOutput] as const)
    await store.createPartial(tx.txid, new Map(known), 100)
    await store.setMinedMulti([tx.txid], MINED)
    await spendOutputs(tx, [0, 1])
    expect(await heights(tx)).toEqual([undefined, undefined, undefined])
    await spendOutputs(tx, [5])
    expect(await heights(tx)).toEqual(new Array(3).fill(TIP + RETENTION))
  })

  it('lesson 75: is what has a slot, whatever the rule of today says of its script', async () => {
    const [open, data] = [
      { satoshis: 1n, lockingScript: LOCKING_SCRIPT },
      { satoshis: 0n, lockingScript: Uint8Array.of(0x00, 0x6a) },
    ]
    const parsed = coinbase({ outputs: 2 })
    const tx = { ...parsed, txid: parsed.txid, outputs: [open, data] } as Transaction
    await store.createPartial(tx.txid, new Map([open, data].entries()), 100)
    expect((await records.read(tx.txid))?.utxos).toEqual([expect.any(Uint8Array), null])
    // As a version with another rule has written it.
    const slot = utxoHash(tx.txid, 1, data.lockingScript, data.satoshis)
    await records.write(tx.txid, { utxos: [null, slot] })
    await store.setMinedMulti([tx.txid], MINED)

    expect((await store.get(tx.txid, ['utxos'])).utxos?.map(({ state }) => state)).toEqual(['nil', 'unspent'])
    expect(await store.getSpend({ txid: tx.txid, vout: 0 })).toMatchObject({ status: 'NOT_FOUND' })
    expect(await store.getSpend({ txid: tx.txid, vout: 1 })).toMatchObject({ status: 'OK' })
    const failed = await spendOutputs(tx, [0]).catch((error: unknown) => error)
    expect((failed as SpendError).spends[0]?.error?.code).toBe('TX_NOT_FOUND')
    await spendOutputs(tx, [1])
    expect((await records.read(tx.txid))?.deleteAtHeight).toBe(TIP + RETENTION)
  })
})

describe('deleteComplete', () => {
  it('removes every record and the body', async () => {
    const tx = await createPaged(store, 5)
    await store.deleteComplete(tx.txid)
    expect(await records.everywhere(tx.txid, 2, 'txID')).toEqual([undefined, undefined, undefined])
    // A body that had stayed would belong to an interrupted creation with these outputs.
    await store.createPartial(tx.txid, new Map(tx.outputs.slice(0, 4).entries()), 100)
    await store.deleteComplete(tx.txid)
    await store.deleteComplete(tx.txid)
  })

  it('goes on where it was interrupted: the master, which knows the pages, goes last', async () => {
    const tx = await createPaged(store, 5)
    for (const failing of [1, 2]) {
      store.transport = failingRemoval(failing)
      expect(await codeOf(store.deleteComplete(tx.txid))).toBe('STORAGE_ERROR')
      store.transport = good
      expect(await records.read(tx.txid)).toBeDefined()
    }
    await store.deleteComplete(tx.txid)
    expect(await records.everywhere(tx.txid, 2, 'txID')).toEqual([undefined, undefined, undefined])
  })

  /** The removal of one page is refused; the rows beside it are applied. */
  function failingRemoval(page: number): Transport {
    const isRefused = (row: BatchRow | undefined): boolean =>
      row?.kind === 'remove' && row.key.userKey.length === 36 && (row.key.userKey as Uint8Array)[32] === page
    return {
      async batchOperate(rows, options) {
        const sent = rows.filter(row => !isRefused(row))
        const answers = await good.batchOperate(sent, options)
        return rows.map((row, index) =>
          isRefused(row)
            ? { index, status: 18, bins: undefined, inDoubt: false }
            : { ...(answers[sent.indexOf(row)] as (typeof answers)[number]), index },
        )
      },
    }
  }
})

describe('getSpend', () => {
  const state = (tx: Transaction, vout: number, blockHeight?: number) =>
    store.getSpend({ txid: tx.txid, vout }, { blockHeight })

  it('tells who spends an output', async () => {
    const tx = await createPaged(store, 5)
    const spender = spending([
      { tx, vout: 1 },
      { tx, vout: 3 },
    ])
    await store.spend(spender, TIP)
    expect(await state(tx, 2)).toEqual({ status: 'OK', spendingData: undefined })
    expect(await state(tx, 3)).toMatchObject({ status: 'SPENT', spendingData: { vin: 1 } })
    expect(Buffer.from((await state(tx, 3)).spendingData?.txid ?? [])).toEqual(Buffer.from(spender.txid))
  })

  it('lesson 41: an output that is not there is a status', async () => {
    const tx = await createPaged(store, 5)
    const partial = coinbase({ outputs: 3 })
    await store.createPartial(partial.txid, new Map([[2, partial.outputs[2] as never]]), 100)
    const states = [state(tx, 5), state(tx, 6), state(coinbase(), 0), state(partial, 0)]
    expect((await Promise.all(states)).map(({ status }) => status)).toEqual(new Array(4).fill('NOT_FOUND'))
  })

  it('lesson 39: a coinbase is immature below its spending height', async () => {
    const tx = await createPaged(store, 3, { isCoinbase: true })
    expect((await state(tx, 2, 199)).status).toBe('IMMATURE')
    expect((await state(tx, 2, 200)).status).toBe('OK')
    const spendAt = (height: number) => codeOf(store.spend(spending([{ tx, vout: 2 }]), height))
    expect(await spendAt(199)).toBe('UTXO_ERROR')
    expect(await spendAt(200)).toBe('ok')
  })

  it('of several obstacles tells the last in the order of the reference', async () => {
    const tx = await createPaged(store, 1, { isCoinbase: true })
    const statuses = [(await state(tx, 0, 150)).status]
    await store.freezeUtxos([{ txid: tx.txid, vout: 0 }], { from: 150, until: 160, policyExpires: true })
    statuses.push((await state(tx, 0, 150)).status, (await state(tx, 0, 160)).status)
    await records.write(tx.txid, { conflicting: true })
    statuses.push((await state(tx, 0, 150)).status)
    await records.write(tx.txid, { locked: true })
    statuses.push((await state(tx, 0, 150)).status)
    expect(statuses).toEqual(['IMMATURE', 'FROZEN', 'IMMATURE', 'CONFLICTING', 'LOCKED'])
  })

  it('policy does not freeze what is spent, consensus does', async () => {
    const tx = await createPaged(store, 1)
    await store.spend(spending([{ tx, vout: 0 }]), 10)
    await store.freezeUtxos([{ txid: tx.txid, vout: 0 }], { from: 100, until: 200 })
    const statuses = [99, 100, 199, 200].map(height => state(tx, 0, height))
    expect((await Promise.all(statuses)).map(({ status }) => status)).toEqual([
      'SPENT',
      'FROZEN',
      'FROZEN',
      'SPENT',
    ])
  })

  it('refuses another hash', async () => {
    const tx = await createPaged(store, 1)
    const output = { txid: tx.txid, vout: 0, utxoHash: new Uint8Array(32) }
    await expect(store.getSpend(output)).rejects.toMatchObject({ code: 'PROCESSING' })
  })
})
