import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type BatchRow, type Transaction, type Transport, UtxoStore } from 'aerospike-utxo-store'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { RecordAccess } from './record-access.ts'
import { coinbase, spending } from './sample-transactions.ts'

/** One transaction of 20,000 outputs, from its creation to the end of its last output. */

const OUTPUTS = 20_000
const PAGES = Math.ceil(OUTPUTS / 128) - 1
const TIP = 1_000
const ROWS_MAX = 1_024
const set = uniqueSet('pages-large')

let server: TestServer
let store: UtxoStore
let records: RecordAccess
let good: Transport
const tx: Transaction = coinbase({ outputs: OUTPUTS })

/** What a piece of work sent. */
interface Traffic {
  batches: number
  rows: number
  rowsMax: number
  bytesMax: number
  inFlightMax: number
}

beforeAll(async () => {
  server = await testServer()
  store = await UtxoStore.open(storeUrl(server, { set }), {
    settings: {
      storeBatcherDurationMillis: 1,
      spendBatcherDurationMillis: 1,
      spendBatcherSize: 1_024,
      getBatcherDurationMillis: 1,
      incrementBatcherDurationMillis: 1,
      setDAHBatcherDurationMillis: 1,
    },
  })
  store.setBlockState(TIP, 1_700_000_000)
  records = new RecordAccess(store, set)
  good = store.transport
})
afterAll(async () => {
  await store.close()
  await server.close()
})

function bytesOf(row: BatchRow): number {
  if (row.kind !== 'write') return 0
  const values = row.operations.flatMap(operation => (operation.kind === 'put' ? operation.value : []))
  return values.reduce<number>((sum, value) => sum + (value instanceof Uint8Array ? value.byteLength : 0), 0)
}

async function trafficOf(work: () => Promise<unknown>): Promise<Traffic> {
  const traffic = { batches: 0, rows: 0, rowsMax: 0, bytesMax: 0, inFlightMax: 0 }
  let inFlight = 0
  store.transport = {
    async batchOperate(rows, options) {
      traffic.batches += 1
      traffic.rows += rows.length
      traffic.rowsMax = Math.max(traffic.rowsMax, rows.length)
      traffic.bytesMax = Math.max(
        traffic.bytesMax,
        rows.reduce((sum, row) => sum + bytesOf(row), 0),
      )
      traffic.inFlightMax = Math.max(traffic.inFlightMax, ++inFlight)
      try {
        return await good.batchOperate(rows, options)
      } finally {
        inFlight -= 1
      }
    },
  }
  try {
    await work()
  } finally {
    store.transport = good
  }
  return traffic
}

const statesOf = async (): Promise<Map<string, number>> => {
  const { utxos = [] } = await store.get(tx.txid, ['utxos'])
  const states = new Map<string, number>()
  for (const { state } of utxos) states.set(state, (states.get(state) ?? 0) + 1)
  return states
}

const spendOutputs = (parent: Transaction, vouts: readonly number[]): Promise<unknown> =>
  store.spend(spending(vouts.map(vout => ({ tx: parent, vout }))), TIP)

// The tests build on each other, in the order in which a transaction lives.
describe('a transaction of 20,000 outputs', () => {
  it('is created in batches that are bounded in rows, in bytes and in number', async () => {
    const traffic = await trafficOf(() => store.create(tx, 100))
    expect(traffic.bytesMax).toBeGreaterThan(0)
    expect(traffic.bytesMax).toBeLessThan(2 ** 18)
    expect(traffic.rowsMax).toBeLessThanOrEqual(ROWS_MAX)
    expect(traffic.inFlightMax).toBeLessThanOrEqual(4)
    // Lock, look, master, mark of the master, unlock; each page twice.
    expect(traffic.rows).toBe(5 + 2 * PAGES)
    expect(await records.everywhere(tx.txid, PAGES, 'creating')).toEqual(new Array(PAGES + 1).fill(undefined))
  })

  it('has a master that knows how many pages there are, and nothing of them', async () => {
    const small = coinbase({ outputs: 129 })
    await store.create(small, 100)
    const [large, other] = await Promise.all([tx, small].map(({ txid }) => records.read(txid)))
    expect(Object.keys(large ?? {}).sort()).toEqual(Object.keys(other ?? {}).sort())
    expect(large?.utxos).toHaveLength(128)
    expect(large).toMatchObject({ totalExtraRecs: PAGES, totalUtxos: OUTPUTS, external: true })
  })

  it('has its pages read in bounded batches, not one after the other', async () => {
    let states = new Map<string, number>()
    const traffic = await trafficOf(async () => {
      states = await statesOf()
    })
    expect(states).toEqual(new Map([['unspent', OUTPUTS]]))
    expect(traffic.rows).toBe(1 + PAGES)
    expect(traffic.batches).toBeLessThan(10)
    expect(traffic.inFlightMax).toBeLessThanOrEqual(4)
  })

  it('is locked and unlocked on every record', async () => {
    for (const locked of [true, false]) {
      const traffic = await trafficOf(() => store.setLocked([tx.txid], locked))
      expect(traffic.batches).toBe(3)
      expect(await records.everywhere(tx.txid, PAGES, 'locked')).toEqual(new Array(PAGES + 1).fill(locked))
    }
  })

  it('costs as much to spend from as one of two outputs', async () => {
    const two = coinbase({ outputs: 2 })
    await store.create(two, 100)
    const small = await trafficOf(() => spendOutputs(two, [1]))
    for (const vout of [0, 5_000, OUTPUTS - 1]) {
      expect(await trafficOf(() => spendOutputs(tx, [vout]))).toEqual(small)
    }
    expect((await statesOf()).get('spent')).toBe(3)
  })

  it('is prunable, on every record, with its last output and not before', async () => {
    await store.setMinedMulti([tx.txid], {
      blockId: 1,
      blockHeight: 900,
      subtreeIdx: 0,
      onLongestChain: true,
    })
    const left = Array.from(tx.outputs.keys()).filter(vout => ![0, 5_000, OUTPUTS - 1].includes(vout))
    const last = left.pop() as number
    const work: Promise<unknown>[] = []
    for (let first = 0; first < left.length; first += 1_000)
      work.push(spendOutputs(tx, left.slice(first, first + 1_000)))
    await Promise.all(work)
    expect((await records.read(tx.txid))?.spentExtraRecs).toBe(PAGES - 1)
    expect(new Set(await records.everywhere(tx.txid, PAGES, 'deleteAtHeight'))).toEqual(new Set([undefined]))
    const traffic = await trafficOf(() => spendOutputs(tx, [last]))
    expect(traffic.rowsMax).toBeLessThanOrEqual(ROWS_MAX)
    expect(new Set(await records.everywhere(tx.txid, PAGES, 'deleteAtHeight'))).toEqual(new Set([TIP + 288]))
    expect(await statesOf()).toEqual(new Map([['spent', OUTPUTS]]))
  })
})
