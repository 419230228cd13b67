import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import {
  encodeSpendingData,
  encodeTransaction,
  StoreError,
  type Transaction,
  type Transport,
  UtxoStore,
  utxoHash,
} from 'aerospike-utxo-store'
import { storeUrl, type TestServer, testServer } from '../servers/server.ts'
import { coinbase, LOCKING_SCRIPT, spending } from '../store/sample-transactions.ts'
import { TRANSPORT_FAULTS } from './faulty-transport.ts'

const TOTAL_MS = 300
const GRACE_MS = 100
/** The promise: total time and grace; the rest is for a busy machine. */
const BOUND_MS = TOTAL_MS + GRACE_MS + 500

let server: TestServer
/** Under test, with a bound that can be waited for. */
let store: UtxoStore
/** Prepares records, with all the time it needs. */
let patient: UtxoStore
let good: Transport
let unhandled: unknown[]
const onUnhandled = (reason: unknown): void => {
  unhandled.push(reason)
}

beforeAll(async () => {
  process.on('unhandledRejection', onUnhandled)
  server = await testServer()
  const url = storeUrl(server)
  patient = await UtxoStore.open(url, { settings: { storeBatcherDurationMillis: 1 } })
  store = await UtxoStore.open(url, {
    settings: {
      batchPolicyTotalTimeout: TOTAL_MS,
      batcherWaitGrace: GRACE_MS,
      overloadRetryMaxElapsed: 0,
      // One fault after another would open it, and the next one's spends would fail for that.
      spendCircuitBreakerFailureCount: 0,
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
  await patient.close()
  await server.close()
  process.off('unhandledRejection', onUnhandled)
})

/** Transactions of one operation's own, so that operations under test do not meddle with each other. */
interface Fixture {
  readonly parents: readonly Transaction[]
  readonly child: Transaction
  readonly fresh: Transaction
}

async function fixture(): Promise<Fixture> {
  const parents = [coinbase(), coinbase()]
  await Promise.all(parents.map(tx => patient.create(tx, 100)))
  return { parents, child: spending(parents.map(tx => ({ tx, vout: 0 }))), fresh: coinbase() }
}

beforeEach(() => {
  unhandled = []
  store.transport = good
})

const INFO = { blockId: 7, blockHeight: 400, subtreeIdx: 0, onLongestChain: true }
const txidsOf = (transactions: readonly Transaction[]): Uint8Array[] => transactions.map(tx => tx.txid)
const outputsOf = ({ parents }: Fixture) => parents.map(({ txid }) => ({ txid, vout: 0 }))
const first = ({ parents }: Fixture): Uint8Array => parents[0]?.txid ?? new Uint8Array(32)

/** Every public operation that sends batches and answers with one success or one error. */
const OPERATIONS: { name: string; call(fixture: Fixture): Promise<unknown> }[] = [
  { name: 'create', call: ({ fresh }) => store.create(fresh, 100) },
  {
    name: 'createPartial',
    call: ({ fresh }) =>
      store.createPartial(
        fresh.txid,
        new Map([[200, { satoshis: 1n, lockingScript: new Uint8Array(1) }]]),
        100,
      ),
  },
  { name: 'get', call: own => store.get(first(own)) },
  { name: 'getMeta', call: own => store.getMeta(first(own)) },
  { name: 'spend', call: ({ child }) => store.spend(child, 500) },
  {
    name: 'unspend',
    call: ({ parents, child }) =>
      store.unspend(
        parents.map((parent, vin) => ({
          txid: parent.txid,
          vout: 0,
          utxoHash: utxoHash(parent.txid, 0, LOCKING_SCRIPT, 5_000_000_000n),
          spendingData: encodeSpendingData({ txid: child.txid, vin }),
        })),
      ),
  },
  { name: 'setMinedMulti', call: ({ parents }) => store.setMinedMulti(txidsOf(parents), INFO) },
  { name: 'setLocked', call: ({ parents }) => store.setLocked(txidsOf(parents), true) },
  { name: 'delete', call: own => store.delete(first(own)) },
  {
    name: 'previousOutputsDecorate',
    call: ({ child }) => store.previousOutputsDecorate(encodeTransaction(child)),
  },
  { name: 'freezeUtxos', call: own => store.freezeUtxos(outputsOf(own)) },
  {
    name: 'unfreezeUtxos',
    call: async own => {
      await patient.freezeUtxos(outputsOf(own))
      await store.unfreezeUtxos(outputsOf(own))
    },
  },
  {
    name: 'reassignUtxo',
    call: async own => {
      await patient.freezeUtxos(outputsOf(own))
      await store.reassignUtxo({ txid: first(own), vout: 0 }, new Uint8Array(32))
    },
  },
  { name: 'getFreezeRecords', call: own => store.getFreezeRecords(first(own)) },
  { name: 'getSpend', call: own => store.getSpend({ txid: first(own), vout: 0 }) },
  { name: 'deleteComplete', call: own => store.deleteComplete(first(own)) },
  { name: 'incrementSpentRecords', call: own => store.incrementSpentRecords(first(own), 1, 500) },
  {
    name: 'setDeleteAtHeightForChildRecords',
    call: own => store.setDeleteAtHeightForChildRecords(first(own), 3, 500),
  },
  {
    name: 'preserveTransactions',
    call: async ({ parents }) => {
      const { failed } = await store.preserveTransactions(txidsOf(parents), 900)
      if (failed > 0) throw new StoreError('STORAGE_ERROR', 'some were not preserved')
    },
  },
  {
    name: 'markTransactionsOnLongestChain',
    call: ({ parents }) => store.markTransactionsOnLongestChain(txidsOf(parents), true),
  },
]

describe.each(TRANSPORT_FAULTS)('a transport that $name', ({ wrap, mayBe }) => {
  it('releases the callers of every operation within their bound, each once, with a typed error', async () => {
    const fixtures = await Promise.all(OPERATIONS.map(fixture))
    store.transport = wrap(good)
    const startedAtMs = performance.now()
    const outcomes = await Promise.all(
      OPERATIONS.map(async ({ name, call }, index) => {
        const outcome = await call(fixtures[index] as Fixture).then(
          () => 'success',
          (error: unknown) => (error instanceof StoreError ? 'failure' : `untyped: ${error}`),
        )
        expect(performance.now() - startedAtMs).toBeLessThan(BOUND_MS)
        return `${name}: ${outcome}`
      }),
    )
    const allowed = mayBe === 'either' ? '(success|failure)' : mayBe
    expect(outcomes).toEqual(OPERATIONS.map(({ name }) => expect.stringMatching(`^${name}: ${allowed}$`)))
    if (mayBe !== 'success') expect(outcomes.join()).toContain('failure')
    expect(unhandled).toEqual([])
  })

  it('leaves batchDecorate with one answer for each txid, in order', async () => {
    const txids = txidsOf((await fixture()).parents)
    store.transport = wrap(good)
    const decorated = await store.batchDecorate(txids)
    expect(decorated.map(({ txid }) => txid)).toEqual(txids)
    for (const { data, error } of decorated) expect((data === null) !== (error === null)).toBe(true)
    if (mayBe === 'success') expect(decorated.map(({ error }) => error)).toEqual([null, null])
  })
})

describe('late answers', () => {
  it('change nothing for callers that were released, and lose nothing of what was applied', async () => {
    const fresh = coinbase()
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
    const outcome = await store.create(fresh, 100).catch((error: StoreError) => error.code)
    expect(outcome).toBe('SERVICE_UNAVAILABLE')
    store.transport = good
    release()
    await answered
    await expect(store.create(fresh, 100)).rejects.toMatchObject({ code: 'TX_EXISTS' })
    expect(unhandled).toEqual([])
  })
})
