import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals'
import {
  type BatchRow,
  type RowAnswer,
  type StoreError,
  type Transaction,
  type Transport,
  UtxoStore,
  utxoHash,
} from 'aerospike-utxo-store'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { createPaged, RecordAccess } from './record-access.ts'
import { coinbase, LOCKING_SCRIPT, spending } from './sample-transactions.ts'

/**
 * A call is carried out, its answer is lost, and it is made again: by the transport, which may do so within its time, or
 * by the caller, who was told that the outcome is unknown. The second one finds everything done.
 */

const TIP = 1_000
const RETENTION = 288
const MINED = { blockId: 7, blockHeight: 900, subtreeIdx: 0, onLongestChain: true }
const set = uniqueSet('lost')

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
  jest.restoreAllMocks()
  store.transport = good
})
afterAll(async () => {
  await store.close()
  await server.close()
})

const calls = (udf: string) => (row: BatchRow) => row.kind === 'apply' && row.function === udf

/** Carries the rows that meet the condition out twice, and hands over the second answers. */
function repeats(isRepeated: (row: BatchRow) => boolean, told: { inDoubt?: boolean } = {}): void {
  store.transport = {
    ...passing,
    batchOperate: async (rows, options) => {
      const again = rows.filter(isRepeated)
      if (again.length > 0) await good.batchOperate(again, options)
      const answers = (await good.batchOperate(rows, options)) as readonly RowAnswer[]
      return answers.map(answer =>
        isRepeated(rows[answer.index] as BatchRow) ? { ...answer, ...told } : answer,
      )
    },
  }
}

/** Carries the first batch with such a row out, and fails as if no answer had come. */
function loses(isLost: (row: BatchRow) => boolean): void {
  let isDone = false
  store.transport = {
    ...passing,
    batchOperate: async (rows, options) => {
      const answers = await good.batchOperate(rows, options)
      if (isDone || !rows.some(isLost)) return answers
      isDone = true
      return rows.map((_, index) => ({ index, status: 9, bins: undefined, inDoubt: true }))
    },
  }
}

const passing: Transport = {
  get preparesStatements() {
    return good.preparesStatements ?? false
  },
  batchOperate: (rows, options) => good.batchOperate(rows, options),
}

/** Outputs 0 and 1 are in its master, 2 and 3, then 4 in its pages. */
async function mined(): Promise<Transaction> {
  const tx = await createPaged(store, 5)
  await store.setMinedMulti([tx.txid], MINED)
  return tx
}

const spendOf = (tx: Transaction, vouts: readonly number[]) => spending(vouts.map(vout => ({ tx, vout })))

async function allSpent(): Promise<{ tx: Transaction; spends: Awaited<ReturnType<UtxoStore['spend']>> }> {
  const tx = await mined()
  const spends = await store.spend(spendOf(tx, [0, 1, 2, 3, 4]), TIP)
  expect(await heights(tx)).toEqual(new Array(3).fill(TIP + RETENTION))
  return { tx, spends }
}

const heights = (tx: Transaction): Promise<unknown[]> => records.everywhere(tx.txid, 2, 'deleteAtHeight')
const spentPages = async (tx: Transaction): Promise<unknown> => (await records.read(tx.txid))?.spentExtraRecs

const NONE = new Array(3).fill(undefined)

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: StoreError) => error.code,
  )

describe('an answer that is lost', () => {
  it('to a creation: who stored the transaction hears that it is stored, and everybody else that it exists', async () => {
    const tx = coinbase()
    loses(row => row.kind === 'write')
    expect(await codeOf(store.create(tx, TIP))).toBe('STORAGE_ERROR')
    store.transport = good
    expect(await codeOf(store.create(tx, TIP))).toBe('TX_EXISTS')

    const other = coinbase()
    repeats(row => row.kind === 'write' && row.exists === 'create-only', { inDoubt: true })
    expect(await codeOf(store.create(other, TIP))).toBe('ok')
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 1_000)
    expect(await codeOf(store.create(other, TIP))).toBe('TX_EXISTS')
  })

  it('to the spend of the last output of a page: the page is counted', async () => {
    const tx = await mined()
    repeats(calls('spendMulti'))
    await store.spend(spendOf(tx, [2, 3]), TIP)
    expect(await spentPages(tx)).toBe(1)
    await store.spend(spendOf(tx, [0, 1, 4]), TIP)
    expect(await spentPages(tx)).toBe(2)
    expect(await heights(tx)).toEqual(new Array(3).fill(TIP + RETENTION))
  })

  it('to a spend whose caller repeats it: as well, and only once', async () => {
    const tx = await mined()
    const spender = spendOf(tx, [2, 3])
    loses(calls('spendMulti'))
    expect(await codeOf(store.spend(spender, TIP))).toBe('UTXO_ERROR')
    store.transport = good
    const held = await codeOf(store.spend(spender, TIP))
    expect(held).toBe('ok')
    expect(await spentPages(tx)).toBe(1)
    for (let repeat = 0; repeat < 3; repeat++) await store.spend(spender, TIP)
    expect(await spentPages(tx)).toBe(1)
  })

  it('to the news that a page is about to be opened: its master counts one page less before it is', async () => {
    const { tx, spends } = await allSpent()
    repeats(calls('unspend'))
    await store.unspend(spends.slice(2, 3))
    expect(await spentPages(tx)).toBe(1)
    expect(await heights(tx)).toEqual(NONE)
    expect((await store.getSpend({ txid: tx.txid, vout: 2, utxoHash: hashOf(tx, 2) })).status).toBe('OK')
    store.transport = good
    await store.spend(spendOf(tx, [2]), TIP + 1)
    expect(await spentPages(tx)).toBe(2)
    expect(await heights(tx)).toEqual(new Array(3).fill(TIP + 1 + RETENTION))
  })

  it('to each undoing of a spend that is refused: what it had spent is free again', async () => {
    const tx = await mined()
    await store.spend(spendOf(tx, [0, 1, 2, 4]), TIP)
    const other = await mined()
    await store.spend(spendOf(other, [0]), TIP)
    const refused = spending([
      { tx, vout: 3 },
      { tx: other, vout: 0 },
    ])
    repeats(calls('unspend'))
    expect(await codeOf(store.spend(refused, TIP))).toBe('UTXO_ERROR')
    expect((await store.getSpend({ txid: tx.txid, vout: 3, utxoHash: hashOf(tx, 3) })).status).toBe('OK')
    expect(await spentPages(tx)).toBe(1)
    expect(await heights(tx)).toEqual(NONE)
  })

  it('to the unspend of an output of a master: its pages lose their delete-at-height', async () => {
    const { tx, spends } = await allSpent()
    repeats(calls('unspend'))
    await store.unspend(spends.slice(0, 1))
    expect(await heights(tx)).toEqual(NONE)
  })

  it('to the master that counts one page less: a repetition takes the delete-at-height from the pages', async () => {
    const { tx, spends } = await allSpent()
    loses(calls('incrementSpentExtraRecs'))
    expect(await codeOf(store.unspend(spends.slice(2, 3)))).toBe('STORAGE_ERROR')
    store.transport = good
    await store.unspend(spends.slice(2, 3))
    expect(await spentPages(tx)).toBe(1)
    expect(await heights(tx)).toEqual(NONE)
  })

  it.each<[string, Partial<typeof MINED> & { unsetMined?: boolean }, unknown[]]>([
    ['unset', { unsetMined: true }, NONE],
    ['set', {}, new Array(3).fill(MINED.blockHeight + RETENTION)],
  ])('to setMined, %s: the pages have the delete-at-height of their master', async (_, change, expected) => {
    const tx = await createPaged(store, 5)
    if (change.unsetMined) await store.setMinedMulti([tx.txid], MINED)
    await store.spend(spendOf(tx, [0, 1, 2, 3, 4]), MINED.blockHeight)
    repeats(calls('setMined'))
    await store.setMinedMulti([tx.txid], { ...MINED, ...change })
    expect(await heights(tx)).toEqual(expected)
  })

  it('to setConflicting: the pages follow their master', async () => {
    const tx = await mined()
    repeats(calls('setConflicting'))
    await store.setConflicting([tx.txid], true)
    const [master, ...pages] = await heights(tx)
    expect(master).toBeGreaterThan(TIP)
    expect(pages).toEqual([master, master])
    await store.setConflicting([tx.txid], false)
    expect(await heights(tx)).toEqual(NONE)
  })
})

function hashOf(tx: Transaction, vout: number): Uint8Array {
  return utxoHash(tx.txid, vout, LOCKING_SCRIPT, tx.outputs[vout]?.satoshis ?? 0n)
}
