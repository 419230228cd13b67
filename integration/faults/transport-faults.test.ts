import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { StoreError, type Transaction, type Transport, UtxoStore } from 'aerospike-utxo-store'
import { storeUrl, type TestServer, testServer } from '../servers/server.ts'
import { coinbase, spending } from '../store/sample-transactions.ts'
import { TRANSPORT_FAULTS } from './faulty-transport.ts'

const TOTAL_MS = 150
const GRACE_MS = 100
/** A call may need one bounded batch for its answer and, when it failed in part, a bounded rollback. */
const BOUND_MS = 3 * (TOTAL_MS + GRACE_MS) + 500

let server: TestServer
let store: UtxoStore
let good: Transport
let unhandled: unknown[]
const onUnhandled = (reason: unknown): void => {
  unhandled.push(reason)
}

beforeAll(async () => {
  process.on('unhandledRejection', onUnhandled)
  server = await testServer()
  store = await UtxoStore.open(storeUrl(server), {
    settings: {
      batchPolicyTotalTimeout: TOTAL_MS,
      batcherWaitGrace: GRACE_MS,
      dbTimeoutDuration: TOTAL_MS,
      spendWaitTimeout: TOTAL_MS + GRACE_MS,
      spendRollbackTimeout: TOTAL_MS,
      storeBatcherDurationMillis: 5,
      spendBatcherDurationMillis: 5,
      getBatcherSize: 10,
      getBatcherDurationMillis: 5,
    },
  })
  store.setBlockState(500, 1_700_000_000)
  good = store.transport
})

afterAll(async () => {
  store.transport = good
  await store.close()
  await server.close()
  process.off('unhandledRejection', onUnhandled)
})

interface Fixture {
  readonly parents: readonly Transaction[]
  readonly child: Transaction
  readonly fresh: Transaction
}

let fixture: Fixture

beforeEach(async () => {
  unhandled = []
  store.transport = good
  const parents = [coinbase(), coinbase()]
  await Promise.all(parents.map(tx => store.create(tx, 100)))
  fixture = { parents, child: spending(parents.map(tx => ({ tx, vout: 0 }))), fresh: coinbase() }
})

const INFO = { blockId: 7, blockHeight: 400, subtreeIdx: 0, onLongestChain: true }

/** Every public operation that sends batches. */
const OPERATIONS: { name: string; call(fixture: Fixture): Promise<unknown> }[] = [
  { name: 'create', call: ({ fresh }) => store.create(fresh, 100) },
  { name: 'get', call: ({ parents }) => store.get(parents[0]?.txid ?? '') },
  { name: 'getMeta', call: ({ parents }) => store.getMeta(parents[0]?.txid ?? '') },
  { name: 'spend', call: ({ child }) => store.spend(child, 500) },
  {
    name: 'unspend',
    call: async ({ parents, child }) =>
      store.unspend(
        parents.map((parent, vin) => ({
          txid: parent.txid,
          vout: 0,
          utxoHash: new Uint8Array(32),
          spendingData: spendingData(child, vin),
        })),
      ),
  },
  {
    name: 'setMinedMulti',
    call: ({ parents }) =>
      store.setMinedMulti(
        parents.map(tx => tx.txid),
        INFO,
      ),
  },
  {
    name: 'setLocked',
    call: ({ parents }) =>
      store.setLocked(
        parents.map(tx => tx.txid),
        true,
      ),
  },
  { name: 'delete', call: ({ parents }) => store.delete(parents[0]?.txid ?? '') },
  { name: 'previousOutputsDecorate', call: ({ child }) => store.previousOutputsDecorate(plain(child)) },
]

function spendingData(tx: Transaction, vin: number): Uint8Array {
  const bytes = new Uint8Array(36)
  bytes.set(tx.txid)
  bytes[32] = vin
  return bytes
}

/** The transaction as it comes from the network: without what its inputs spend. */
function plain(tx: Transaction): Transaction {
  return { ...tx, txid: tx.txid, isExtended: false, isCoinbase: false } as Transaction
}

describe.each(TRANSPORT_FAULTS)('a transport that $name', ({ wrap, mayBe }) => {
  it('releases the callers of every operation within their bound, each once, with a typed error', async () => {
    store.transport = wrap(good)
    const startedAtMs = performance.now()
    const settled: string[] = []
    await Promise.all(
      OPERATIONS.map(async ({ name, call }) => {
        const outcome = await call(fixture).then(
          () => 'success',
          (error: unknown) => (error instanceof StoreError ? error.code : `untyped: ${error}`),
        )
        settled.push(`${name}: ${outcome === 'success' ? outcome : 'failure'}`)
        expect(`${name} ${outcome}`).not.toMatch(/untyped/)
        expect(performance.now() - startedAtMs).toBeLessThan(BOUND_MS)
      }),
    )
    const expected = OPERATIONS.map(({ name }) => `${name}: ${expectedOutcome(name, mayBe)}`)
    expect(settled.sort()).toEqual(expected.sort())
    expect(unhandled).toEqual([])
  })

  it('leaves batchDecorate with one answer for each txid, in order', async () => {
    store.transport = wrap(good)
    const txids = fixture.parents.map(tx => tx.txid)
    const decorated = await store.batchDecorate(txids)
    expect(decorated.map(({ txid }) => txid)).toEqual(txids)
    for (const { data, error } of decorated) expect((data === null) !== (error === null)).toBe(true)
    if (mayBe === 'success') expect(decorated.map(({ error }) => error)).toEqual([null, null])
  })
})

/** Unspending with a wrong hash is refused by the server, whatever the transport does. */
function expectedOutcome(operation: string, mayBe: 'success' | 'failure'): string {
  return operation === 'unspend' ? 'failure' : mayBe
}

describe('late answers', () => {
  it('change nothing for callers that were released, and lose nothing of what was applied', async () => {
    let release: () => void = () => {}
    const held = new Promise<void>(resolve => {
      release = resolve
    })
    let answered: Promise<unknown> = Promise.resolve()
    store.transport = {
      batchOperate: (rows, options) => {
        const answers = good.batchOperate(rows, options)
        answered = held.then(() => answers)
        return answered as ReturnType<Transport['batchOperate']>
      },
    }
    const outcome = await store.create(fixture.fresh, 100).catch((error: StoreError) => error.code)
    expect(outcome).toBe('SERVICE_UNAVAILABLE')
    store.transport = good
    release()
    await answered
    await expect(store.create(fixture.fresh, 100)).rejects.toMatchObject({ code: 'TX_EXISTS' })
    expect(unhandled).toEqual([])
  })
})
