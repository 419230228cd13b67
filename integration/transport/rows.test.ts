import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type BatchRow, UtxoStore } from 'aerospike-utxo-store'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'

type Write = Extract<BatchRow, { kind: 'write' }>
type Filter = NonNullable<BatchRow['filter']>

const FILTERED_OUT = 27
const NOT_FOUND = 2
const HUGE = 2n ** 62n

const set = uniqueSet('rows')
let server: TestServer
let store: UtxoStore

beforeAll(async () => {
  server = await testServer()
  store = await UtxoStore.open(storeUrl(server, { set }))
})

afterAll(async () => {
  await store.close()
  await server.close()
})

const keyOf = (name: string) => ({ set, userKey: name })
const write = (name: string, operations: Write['operations'], more: Partial<Write> = {}): Write => ({
  kind: 'write',
  key: keyOf(name),
  exists: 'any',
  operations,
  ...more,
})

async function statuses(...rows: BatchRow[]): Promise<number[]> {
  const answers = await store.transport.batchOperate(rows, { timeout: 5_000 })
  return answers.map(({ status }) => status)
}

async function read(name: string): Promise<unknown> {
  const row = { kind: 'read', key: keyOf(name), bins: 'all' } as const
  const [answer] = await store.transport.batchOperate([row], { timeout: 5_000 })
  return answer?.bins
}

describe('filters', () => {
  beforeAll(async () => {
    const bins = { i: 5, huge: HUGE, b: Uint8Array.of(1, 2, 3), t: true, s: 'x' }
    const puts = Object.entries(bins).map(([bin, value]) => ({ kind: 'put', bin, value }) as const)
    expect(await statuses(write('filtered', puts))).toEqual([0])
  })

  const i = { intBin: 'i' } as const
  it.each<[Filter, boolean]>([
    [{ compare: 'eq', left: i, right: 5 }, true],
    [{ compare: 'eq', left: i, right: 6 }, false],
    [{ compare: 'ne', left: i, right: 6 }, true],
    [{ compare: 'lt', left: i, right: 5 }, false],
    [{ compare: 'le', left: i, right: 5n }, true],
    [{ compare: 'gt', left: i, right: 4 }, true],
    [{ compare: 'ge', left: i, right: 6 }, false],
    [{ compare: 'eq', left: 5, right: i }, true],
    [{ compare: 'lt', left: i, right: { intBin: 'huge' } }, true],
    [{ compare: 'eq', left: { intBin: 'huge' }, right: HUGE }, true],
    [{ compare: 'gt', left: { intBin: 'huge' }, right: HUGE }, false],
    [{ compare: 'eq', left: { blobBin: 'b' }, right: Uint8Array.of(1, 2, 3) }, true],
    [{ compare: 'eq', left: { blobBin: 'b' }, right: Uint8Array.of(1, 2) }, false],
    [{ compare: 'eq', left: { boolBin: 't' }, right: true }, true],
    [{ compare: 'eq', left: { boolBin: 't' }, right: false }, false],
    [{ compare: 'eq', left: { stringBin: 's' }, right: 'x' }, true],
    [{ binExists: 'i' }, true],
    [{ binExists: 'none' }, false],
    [{ not: { binExists: 'none' } }, true],
    [{ and: [{ binExists: 'i' }, { compare: 'eq', left: i, right: 5 }] }, true],
    [{ and: [{ binExists: 'i' }, { binExists: 'none' }] }, false],
    [{ or: [{ binExists: 'none' }, { binExists: 'i' }] }, true],
    [{ and: [{ binExists: 'i' }] }, true],
    // Unknown is neither true nor false.
    [{ compare: 'eq', left: { intBin: 'none' }, right: 5 }, false],
    [{ not: { compare: 'eq', left: { intBin: 'none' }, right: 5 } }, false],
  ])('%j', async (filter, passes) => {
    const row = { kind: 'read', key: keyOf('filtered'), bins: ['i'], filter } as const
    expect(await statuses(row)).toEqual([passes ? 0 : FILTERED_OUT])
  })

  it('keep every kind of row from changing a record, and do not concern a missing one', async () => {
    const filter = { binExists: 'none' }
    const put = [{ kind: 'put', bin: 'i', value: 6 }] as const
    const before = await read('filtered')
    expect(
      await statuses(
        write('filtered', put, { filter }),
        { kind: 'remove', key: keyOf('filtered'), filter },
        write('missing', put, { filter, exists: 'update-only' }),
        { kind: 'remove', key: keyOf('missing'), filter },
      ),
    ).toEqual([FILTERED_OUT, FILTERED_OUT, NOT_FOUND, NOT_FOUND])
    expect(await read('filtered')).toEqual(before)
  })
})

describe('operations', () => {
  it('add counts from 0, and puts carry any 64-bit integer', async () => {
    await statuses(write('numbers', [{ kind: 'add', bin: 'n', value: 3 }]))
    await statuses(write('numbers', [{ kind: 'add', bin: 'n', value: -5n }]))
    const integers = [HUGE, -(2n ** 63n), 2n ** 53n + 1n]
    for (const [index, value] of integers.entries())
      await statuses(write('numbers', [{ kind: 'put', bin: `p${index}`, value }]))
    expect(await read('numbers')).toEqual({ n: -2, p0: integers[0], p1: integers[1], p2: integers[2] })
  })

  it('a unique append adds a value once, and removing takes all of it away', async () => {
    const append = (value: number) =>
      ({ kind: 'list-append-unique', bin: 'l', value: Uint8Array.of(value) }) as const
    for (const value of [1, 2, 1]) expect(await statuses(write('list', [append(value)]))).toEqual([0])
    expect(await read('list')).toEqual({ l: [Buffer.of(1), Buffer.of(2)] })
    const remove = { kind: 'list-remove-value', bin: 'l', value: Uint8Array.of(1) } as const
    expect(await statuses(write('list', [remove]))).toEqual([0])
    expect(await statuses(write('list', [remove, { ...remove, bin: 'none' }]))).toEqual([0])
    expect(await read('list')).toEqual({ l: [Buffer.of(2)] })
  })

  it('update-only list changes create no record', async () => {
    const operation = { kind: 'list-append-unique', bin: 'l', value: 1 } as const
    expect(await statuses(write('no-list', [operation], { exists: 'update-only' }))).toEqual([NOT_FOUND])
    expect(await read('no-list')).toBeUndefined()
  })

  it('a map entry is set by itself, under an integer as under a text', async () => {
    await statuses(write('map', [{ kind: 'map-put', bin: 'm', key: 3, value: 1 }]))
    await statuses(write('map', [{ kind: 'map-put', bin: 'm', key: 'k', value: [true] }]))
    expect(await read('map')).toEqual({ m: { 3: 1, k: [true] } })
  })
})
