import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { UtxoStore } from 'aerospike-utxo-store'
import { type EmbeddedServerHandle, startEmbeddedServer } from 'aerospike-utxo-store/embedded'
import { coinbase } from '../store/sample-transactions.ts'

/** So many batches at a time, so long each: only an embedded server can be told so, and is here whatever --server says. */
const CAPACITY = { when: 'before', kind: 'capacity', concurrency: 4, serviceMs: 25 } as const
const BATCH = 4
const LIMIT_MAX = 64
/** More callers than the largest limit can have in flight. */
const CALLERS = BATCH * LIMIT_MAX * 1.5

const stored = coinbase()
let server: EmbeddedServerHandle

beforeAll(async () => {
  server = await startEmbeddedServer()
  const store = await UtxoStore.open(storeUrl(), { settings: { storeBatcherDurationMillis: 1 } })
  await store.create(stored, 1)
  await store.close()
  await server.faults.add({ match: { kinds: ['batch'] }, fault: CAPACITY })
})

afterAll(() => server.close())

const storeUrl = (): string => `${server.url}?set=limit&externalStore=memory:`

interface Load {
  readonly readsPerSecond: number
  /** Average time of a batch, from when it was sent until it was answered. */
  readonly batchMs: number
}

/** Reads in a loop, with a limit that is fixed or adapts. */
async function load(concurrency: 'adaptive' | number, ms: number): Promise<Load> {
  const metrics = new Map<string, { get(): { values: { value: number; metricName?: string }[] } }>()
  const store = await UtxoStore.open(storeUrl(), {
    metrics: {
      registerMetric: (metric: never) => void metrics.set((metric as { name: string }).name, metric),
      getSingleMetric: () => undefined,
    },
    settings: {
      getBatcherSize: BATCH,
      batcherConcurrency: concurrency === 'adaptive' ? 'adaptive' : 'fixed',
      batcherMaxConcurrent: concurrency === 'adaptive' ? LIMIT_MAX : concurrency,
    },
  })
  const endsAtMs = performance.now() + ms
  let reads = 0
  const caller = async (): Promise<void> => {
    while (performance.now() < endsAtMs) {
      await store.getMeta(stored.txid)
      if (performance.now() < endsAtMs) reads += 1
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  const values = metrics.get('utxo_store_batch_seconds')?.get().values ?? []
  const figure = (suffix: string): number =>
    values.find(({ metricName }) => metricName?.endsWith(suffix))?.value ?? Number.NaN
  await store.close()
  return {
    readsPerSecond: (reads * 1_000) / ms,
    batchMs: (figure('_sum') * 1_000) / figure('_count'),
  }
}

/** What else the machine does meanwhile changes a ratio; so often it is measured anew. */
const ROUNDS_MAX = 4

it('adaptive concurrency does at least 90 % of the best fixed limit, and leaves no such queue in the server as a large one', async () => {
  await load(LIMIT_MAX, 500) // the first calls are slow, whatever the limit
  let share = 0
  for (let round = 0; round < ROUNDS_MAX && share < 0.9; round++) {
    const best = await load(CAPACITY.concurrency * 2, 1_500)
    const adaptive = await load('adaptive', 1_500)
    const large = await load(LIMIT_MAX, 1_500)
    share = adaptive.readsPerSecond / Math.max(best.readsPerSecond, large.readsPerSecond)
    expect(adaptive.batchMs).toBeLessThan(large.batchMs / 2)
  }
  expect(share).toBeGreaterThanOrEqual(0.9)
})
