import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import {
  type BatchRow,
  SpendError,
  type StoreError,
  type Transaction,
  type Transport,
  UtxoStore,
} from 'aerospike-utxo-store'
import { Registry } from 'prom-client'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { RecordAccess } from './record-access.ts'
import { coinbase, spending } from './sample-transactions.ts'

/**
 * A transaction of several records whose creation ends somewhere on its way, because the process died or the
 * server could not be reached any more. No output may be spent before every record is there, and whoever meets
 * the transaction again has to be able to finish it.
 */

const OUTPUTS = 9
const PAGES = 4
const TIP = 1_000
const LOCK_NUMBER = 0xffff_fffe
const set = uniqueSet('pages-cut')

let server: TestServer
let folder: string
/** The process that dies. */
let victim: UtxoStore
/** Another process that meets what the victim left. */
let survivor: UtxoStore
let records: RecordAccess
let good: Transport
const registry = new Registry()

beforeAll(async () => {
  server = await testServer()
  folder = await mkdtemp(join(tmpdir(), 'interrupted-'))
  const url = storeUrl(server, { set, externalStore: pathToFileURL(folder).href })
  const settings = {
    utxoBatchSize: 2,
    // Two pages in a batch, one batch at a time: the order of batches is always the same.
    maxMinedBatchSize: 2,
    maxMinedRoutines: 1,
    storeBatcherDurationMillis: 1,
    spendBatcherDurationMillis: 1,
    getBatcherDurationMillis: 1,
  }
  victim = await UtxoStore.open(url, { settings })
  survivor = await UtxoStore.open(url, { settings, metrics: registry })
  for (const store of [victim, survivor]) store.setBlockState(TIP, 1_700_000_000)
  records = new RecordAccess(survivor, set)
  good = victim.transport
})
afterEach(() => {
  victim.transport = good
})
afterAll(async () => {
  await victim.close()
  await survivor.close()
  await server.close()
  await rm(folder, { recursive: true })
})

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: StoreError) =>
      error instanceof SpendError ? (error.spends[0]?.error?.code ?? error.code) : error.code,
  )

const died = (): Promise<never> => Promise.reject(new Error('the process died'))

/** From the `n`-th batch on nothing is answered; that one itself may have been applied. */
function dyingAt(n: number, isApplied: boolean): Transport {
  let batches = 0
  return {
    async batchOperate(rows, options) {
      batches += 1
      if (batches > n || (batches === n && !isApplied)) return died()
      const answers = await good.batchOperate(rows, options)
      return batches === n ? died() : answers
    },
  }
}

async function countBatches(work: () => Promise<unknown>): Promise<number> {
  let batches = 0
  victim.transport = {
    batchOperate(rows, options) {
      batches += 1
      return good.batchOperate(rows, options)
    },
  }
  await work()
  victim.transport = good
  return batches
}

async function hasEveryRecord(tx: Transaction): Promise<boolean> {
  const txids = await records.everywhere(tx.txid, PAGES, 'txID')
  return txids.every(txid => txid !== undefined)
}

/** The outputs that another process can spend right now, each by a transaction of its own. */
async function spendEach(tx: Transaction, vouts: Iterable<number> = tx.outputs.keys()): Promise<number[]> {
  const spent: number[] = []
  for (const vout of vouts) {
    const code = await codeOf(survivor.spend(spending([{ tx, vout }]), TIP))
    if (code === 'ok') spent.push(vout)
    else expect(['TX_CREATING', 'TX_NOT_FOUND']).toContain(code)
  }
  return spent
}

const isLocked = async (tx: Transaction): Promise<boolean> =>
  (await records.read(tx.txid, LOCK_NUMBER)) !== undefined

/** What the time to live of a lock does, without the wait. */
const expireLock = (tx: Transaction): Promise<void> => records.remove(tx.txid, LOCK_NUMBER)

async function repairsOf(repaired: string): Promise<number> {
  const { values } = (await registry.getSingleMetric('utxo_store_creation_repairs_total')?.get()) ?? {
    values: [],
  }
  return values.find(({ labels }) => labels.repaired === repaired)?.value ?? 0
}

type Repair = 'create' | 'block'

/** Finishes what the victim left, as a node would that meets the transaction again. */
async function repair(tx: Transaction, how: Repair): Promise<void> {
  if (how === 'block') {
    const mined = { blockId: 3, blockHeight: 900, subtreeIdx: 0, onLongestChain: true }
    const code = await codeOf(survivor.setMinedMulti([tx.txid], mined))
    const hasMaster = (await records.read(tx.txid)) !== undefined
    expect(code).toBe(hasMaster ? 'ok' : 'TX_NOT_FOUND')
    if (hasMaster) return
  }
  const code = await codeOf(survivor.create(tx, 100))
  expect(['ok', 'TX_EXISTS']).toContain(code)
  if (!(await isLocked(tx))) return
  await expireLock(tx)
  expect(['ok', 'TX_EXISTS']).toContain(await codeOf(survivor.create(tx, 100)))
}

async function expectWhole(tx: Transaction, spentBefore: readonly number[]): Promise<void> {
  expect(await hasEveryRecord(tx)).toBe(true)
  expect(await records.everywhere(tx.txid, PAGES, 'creating')).toEqual(new Array(PAGES + 1).fill(undefined))
  const { utxos, tx: body } = await survivor.get(tx.txid, ['utxos', 'tx'])
  expect(utxos?.map(({ state }) => state)).toEqual(
    Array.from({ length: OUTPUTS }, (_, vout) => (spentBefore.includes(vout) ? 'spent' : 'unspent')),
  )
  expect(body?.outputs.length).toBe(OUTPUTS)
  const rest = Array.from(tx.outputs.keys()).filter(vout => !spentBefore.includes(vout))
  expect(await spendEach(tx, rest)).toEqual(rest)
}

describe('lesson 50: a creation that ends at its n-th batch', () => {
  it.each<Repair>(['create', 'block'])(
    'is never spendable by half, and a %s that meets it finishes it',
    async how => {
      const batches = await countBatches(() => victim.create(coinbase({ outputs: OUTPUTS }), 100))
      // Lock, look, pages 1-2, pages 3-4, master, marks of 1-2, of 3-4, of the master, unlock.
      expect(batches).toBe(9)
      let finishedByBlock = 0
      for (let n = 1; n <= batches; n++) {
        for (const isApplied of [false, true]) {
          const tx = coinbase({ outputs: OUTPUTS })
          victim.transport = dyingAt(n, isApplied)
          const outcome = await codeOf(victim.create(tx, 100))
          victim.transport = good
          // With the master every record is there: what comes after it is no matter of the caller.
          expect({ n, isApplied, outcome }).toEqual({ n, isApplied, outcome: n > 5 ? 'ok' : 'STORAGE_ERROR' })
          const spent = await spendEach(tx)
          if (spent.length > 0) expect(await hasEveryRecord(tx)).toBe(true)
          const wasCreating = (await records.read(tx.txid))?.creating === true
          await repair(tx, how)
          if (wasCreating && how === 'block') finishedByBlock += 1
          await expectWhole(tx, spent)
        }
      }
      if (how === 'block') expect(finishedByBlock).toBeGreaterThanOrEqual(6)
      expect(await repairsOf('records')).toBeGreaterThan(0)
      if (how === 'create') expect(await repairsOf('marks')).toBeGreaterThan(0)
    },
  )
})

/** Changes or refuses some rows of the victim. */
function withRows(change: (row: BatchRow) => number | BatchRow | Promise<BatchRow>): Transport {
  return {
    async batchOperate(rows, options) {
      const changed = await Promise.all(rows.map(change))
      if (changed.every(row => typeof row !== 'number'))
        return good.batchOperate(changed as BatchRow[], options)
      return changed.map((status, index) => ({
        index,
        status: status as number,
        bins: undefined,
        inDoubt: false,
      }))
    },
  }
}

const clearsMark = (row: BatchRow): boolean =>
  row.kind === 'write' && row.operations.some(({ kind, bin }) => kind === 'unset' && bin === 'creating')

const isLockRow = ({ key }: BatchRow): boolean =>
  typeof key.userKey !== 'string' &&
  key.userKey.length === 36 &&
  key.userKey[32] === 0xfe &&
  key.userKey[35] === 0xff

describe('several records', () => {
  it('lesson 51: marks that cannot be cleared fail no create; the outputs wait for the next create or block', async () => {
    const tx = coinbase({ outputs: OUTPUTS })
    victim.transport = withRows(row => (clearsMark(row) ? 9 : row))
    expect(await codeOf(victim.create(tx, 100))).toBe('ok')
    expect((await records.read(tx.txid))?.creating).toBe(true)
    expect(await codeOf(survivor.create(tx, 100))).toBe('TX_EXISTS')
    await expectWhole(tx, [])
  })

  it('lesson 51: a spend that meets marks without a creator fails, and clears them for the next', async () => {
    const tx = coinbase({ outputs: OUTPUTS })
    victim.transport = withRows(row => (clearsMark(row) ? 9 : row))
    await victim.create(tx, 100)
    expect(await codeOf(survivor.spend(spending([{ tx, vout: 8 }]), TIP))).toBe('TX_CREATING')
    await expectWhole(tx, [])
  })

  it('a spend leaves the marks of a creator that is at work', async () => {
    const tx = coinbase({ outputs: OUTPUTS })
    victim.transport = dyingAt(5, true)
    await codeOf(victim.create(tx, 100))
    expect(await isLocked(tx)).toBe(true)
    expect(await spendEach(tx)).toEqual([])
    await expireLock(tx)
    expect(await spendEach(tx, [8, 8])).toEqual([8])
  })

  it('a spend finishes nothing of which a record is missing', async () => {
    const tx = coinbase({ outputs: OUTPUTS })
    victim.transport = dyingAt(5, true)
    await codeOf(victim.create(tx, 100))
    await expireLock(tx)
    // As the reference leaves it, which does not write the master last.
    await records.remove(tx.txid, PAGES)
    expect(await spendEach(tx)).toEqual([])
    await survivor.create(tx, 100)
    await expectWhole(tx, [])
  })

  it('a block that died before it came to the pages leaves marks, which a spend clears', async () => {
    const tx = coinbase({ outputs: OUTPUTS })
    victim.transport = dyingAt(5, true)
    await codeOf(victim.create(tx, 100, { locked: true }))
    await expireLock(tx)
    victim.transport = dyingAt(1, true)
    const mined = { blockId: 3, blockHeight: 900, subtreeIdx: 0, onLongestChain: true }
    await codeOf(victim.setMinedMulti([tx.txid], mined))
    expect(await records.everywhere(tx.txid, 1, 'creating')).toEqual([undefined, true])
    expect(await spendEach(tx, [8, 8])).toEqual([8])
    await expectWhole(tx, [8])
  })

  it('are created by one of two processes', async () => {
    for (let round = 0; round < 5; round++) {
      const tx = coinbase({ outputs: OUTPUTS })
      const codes = await Promise.all([victim, survivor].map(store => codeOf(store.create(tx, 100))))
      expect(codes.filter(code => code === 'ok').length).toBe(1)
      for (const code of codes) expect(['ok', 'TX_EXISTS']).toContain(code)
      await expectWhole(tx, [])
    }
  })

  it('lesson 48: the lock ends by itself within 300 seconds', async () => {
    const ttls: unknown[] = []
    victim.transport = withRows(row => {
      if (row.kind === 'write' && isLockRow(row)) ttls.push(row.ttlSeconds)
      return row
    })
    await victim.create(coinbase({ outputs: OUTPUTS }), 100)
    await victim.create(coinbase({ outputs: 400 }), 100)
    expect(ttls).toEqual([30 + 2 * (PAGES + 1), 300])
  })

  it('lesson 49: the lock of a successor stays', async () => {
    const tx = coinbase({ outputs: OUTPUTS })
    victim.transport = withRows(async row => {
      // As if the lock had expired and another process had taken it.
      if (row.kind === 'remove') await records.write(tx.txid, { lock_token: 'of another' }, LOCK_NUMBER)
      return row
    })
    await victim.create(tx, 100)
    expect(await records.read(tx.txid, LOCK_NUMBER)).toMatchObject({
      lock_token: 'of another',
      lock_type: 'tx_creation',
      expected_recs: PAGES + 1,
      process_id: process.pid,
    })
    await expireLock(tx)
  })

  it('a caller that leaves leaves a whole transaction, and close waits for it', async () => {
    const url = storeUrl(server, { set, externalStore: pathToFileURL(folder).href })
    const store = await UtxoStore.open(url, { settings: { utxoBatchSize: 2 } })
    const tx = coinbase({ outputs: OUTPUTS })
    const caller = new AbortController()
    const { transport } = store
    store.transport = {
      batchOperate(rows, options) {
        if (rows.some(row => row.kind === 'write' && !isLockRow(row))) caller.abort()
        return transport.batchOperate(rows, options)
      },
    }
    expect(await codeOf(store.create(tx, 100, { signal: caller.signal }))).toBe('CONTEXT_CANCELED')
    await store.close()
    expect(await isLocked(tx)).toBe(false)
    await expectWhole(tx, [])
  })

  it('take the flags of the call that wrote the master, whatever those of an interrupted one were', async () => {
    const tx = coinbase({ outputs: OUTPUTS })
    victim.transport = dyingAt(4, true)
    await codeOf(victim.create(tx, 100, { locked: true }))
    await expireLock(tx)
    await survivor.create(tx, 100)
    expect(await records.everywhere(tx.txid, PAGES, 'locked')).toEqual(new Array(PAGES + 1).fill(false))
    await expectWhole(tx, [])
  })

  it('of one that was begun with other outputs are not mixed', async () => {
    const tx = coinbase({ outputs: OUTPUTS })
    const outputs = new Map(tx.outputs.entries())
    victim.transport = dyingAt(5, true)
    await codeOf(victim.createPartial(tx.txid, outputs, 100))
    await expireLock(tx)
    expect(await codeOf(survivor.create(tx, 100))).toBe('STORAGE_ERROR')
    outputs.delete(3)
    expect(await codeOf(survivor.createPartial(tx.txid, outputs, 100))).toBe('BLOB_ALREADY_EXISTS')
  })

  it('left over from a deleted transaction are not taken for those of an interrupted creation', async () => {
    const tx = coinbase({ outputs: OUTPUTS })
    await victim.create(tx, 100)
    await records.remove(tx.txid)
    expect(await codeOf(survivor.create(tx, 100))).toBe('STORAGE_ERROR')
    expect(await records.read(tx.txid)).toBeUndefined()
    for (let page = 1; page <= PAGES; page++) await records.remove(tx.txid, page)
    expect(await codeOf(survivor.create(tx, 100))).toBe('ok')
    await expectWhole(tx, [])
  })
})

it('lesson 52: a record that is too big is written once more without its body, for one answer', async () => {
  const tx = coinbase({ outputs: 2 })
  let refusals = 0
  victim.transport = withRows(row => {
    const isWhole = row.kind === 'write' && row.operations.some(({ bin }) => bin === 'outputs')
    if (isWhole) refusals += 1
    return isWhole ? 13 : row
  })
  expect(await victim.create(tx, 100)).toMatchObject({ external: true })
  expect(refusals).toBe(1)
  expect(await records.read(tx.txid)).toMatchObject({ external: true })
  expect((await survivor.get(tx.txid, ['tx'])).tx?.txid).toEqual(tx.txid)
})
