import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { StoreError, type Transport, UtxoStore } from 'aerospike-utxo-store'
import { CachedUtxoStore } from 'aerospike-utxo-store/tx-meta'
import { storeUrl, type TestServer, testServer } from '../servers/server.ts'
import {
  CALL_ARGUMENTS,
  type CallArguments,
  type CallName,
  CREATE_ONLY,
  placesOf,
  withValue,
} from './call-arguments.ts'
import { isPositive, WRONG_VALUES } from './wrong-values.ts'

let server: TestServer
let store: UtxoStore
let cached: CachedUtxoStore
let batchesSent = 0

beforeAll(async () => {
  server = await testServer()
  store = await UtxoStore.open(storeUrl(server))
  store.setBlockState(500, 1_700_000_000)
  cached = new CachedUtxoStore(store, { megabytes: 1 })
  const { transport } = store
  store.transport = {
    preparesStatements: transport.preparesStatements,
    batchOperate(...args) {
      batchesSent += 1
      return transport.batchOperate(...args)
    },
  } satisfies Transport
})

afterAll(async () => {
  await store.close()
  await server.close()
})

type Call = (...args: readonly unknown[]) => unknown

/** What a call came to: its answer, what its promise was rejected with, or what it threw at once. */
async function outcomeOf(
  target: object,
  name: CallName,
  args: readonly unknown[],
): Promise<{ answer?: unknown; rejection?: unknown; thrown?: unknown }> {
  let answer: unknown
  try {
    answer = (target as Record<CallName, Call>)[name](...args)
  } catch (thrown) {
    return { thrown }
  }
  try {
    return { answer: await answer }
  } catch (rejection) {
    return { rejection }
  }
}

/** Walks are no promises: they refuse at the call. */
const isWalk = (name: CallName): boolean =>
  ['unminedTransactions', 'conflictingTransactions', 'inconsistentTransactions'].includes(name)

/** What is wrong with the refusal; undefined where nothing is. */
function complaint(
  name: CallName,
  field: string,
  outcome: Awaited<ReturnType<typeof outcomeOf>>,
): string | undefined {
  if ('answer' in outcome) return 'was answered'
  if ('thrown' in outcome && !isWalk(name)) return `was thrown at once: ${outcome.thrown}`
  const error = outcome.thrown ?? outcome.rejection
  if (!(error instanceof StoreError)) return `is no StoreError: ${error}`
  if (error.code !== 'INVALID_ARGUMENT') return `has the code ${error.code}: ${error.message}`
  const named = 'field' in error ? String(error.field) : ''
  return named.startsWith(field) ? undefined : `names ${named}: ${error.message}`
}

const ROWS: readonly (readonly [CallName, CallArguments])[] = [
  ...(Object.entries(CALL_ARGUMENTS) as [CallName, CallArguments][]),
  ['spendAndCreate', CREATE_ONLY],
]

describe.each<[string, () => object]>([
  ['store', () => store],
  ['cached store', () => cached],
])('the %s refuses wrong arguments before anything is sent', (_, target) => {
  it.each(ROWS)('%s', async (name, call) => {
    const before = batchesSent
    const complaints: string[] = []
    for (const [path, field, accepts] of placesOf(call)) {
      for (const [described, value] of WRONG_VALUES) {
        if (accepts(value)) continue
        const args = withValue(call.right, path.split('.'), value) as readonly unknown[]
        const found = complaint(name, field, await outcomeOf(target(), name, args))
        if (found !== undefined) complaints.push(`${path} (${field}) = ${described} ${found}`)
      }
    }
    expect(complaints).toEqual([])
    expect(batchesSent - before).toBe(0)
  })
})

const SILENT = { debug() {}, info() {}, warn() {}, error() {} }

describe('what is more than a call', () => {
  it.each<[string, unknown, string]>([
    ['options', null, 'options'],
    ['options', 5, 'options'],
    ['options', [], 'options'],
    ['a signal', { signal: null }, 'signal'],
    ['a signal', { signal: 5 }, 'signal'],
    ['settings', { settings: null }, 'settings'],
    ['settings', { settings: 5 }, 'settings'],
    ['settings', { settings: [] }, 'settings'],
    ['a logger', { logger: null }, 'logger'],
    ['a logger', { logger: 5 }, 'logger'],
    ['a logger', { logger: {} }, 'logger'],
    ['a logger without a level', { logger: { ...SILENT, warn: undefined } }, 'logger'],
    ['a registry', { metrics: null }, 'metrics'],
    ['a registry', { metrics: {} }, 'metrics'],
    ['half a registry', { metrics: { registerMetric() {} } }, 'metrics'],
  ])('open refuses what is no good as %s: %j', async (_what, options, field) => {
    const url = 'aerospike://127.0.0.1:1/none?set=none&externalStore=memory:'
    await expect(UtxoStore.open(url, options as object)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      field,
    })
  })

  it.each([
    ['store', () => store],
    ['cached store', () => cached],
  ])('close of the %s refuses wrong options, and closes nothing', async (_, target) => {
    for (const options of [null, 5, { signal: null }, { signal: 5 }])
      await expect(target().close(options as object)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(await target().health()).toMatchObject({ status: 200 })
  })

  it('health tells of wrong options, and never throws', async () => {
    for (const options of [null, 5, { signal: null }, { signal: 5 }])
      expect(await store.health(false, options as object)).toEqual({
        status: 503,
        message: expect.stringMatching(/^(options|signal) must be /),
      })
  })

  it('setBlockState refuses at once', () => {
    const refusal = expect.objectContaining({ code: 'INVALID_ARGUMENT', field: 'height' })
    for (const [, value] of WRONG_VALUES)
      if (!isPositive(value)) expect(() => store.setBlockState(value as number, 1)).toThrow(refusal)
  })

  it('nothing is sent later either', async () => {
    const before = batchesSent
    await store.close()
    expect(batchesSent).toBe(before)
  })
})
