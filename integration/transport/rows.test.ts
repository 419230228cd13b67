import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type BatchRow, type BinValue, UtxoStore } from 'aerospike-utxo-store'
import { storeUrl, type TestServer, testedTransports, testServer, uniqueSet } from '../servers/server.ts'

type Write = Extract<BatchRow, { kind: 'write' }>
type Filter = NonNullable<BatchRow['filter']>

const FILTERED_OUT = 27
const NOT_FOUND = 2
const HUGE = 2n ** 62n

let server: TestServer

beforeAll(async () => {
  server = await testServer()
})

afterAll(() => server.close())

describe.each(testedTransports)('rows through the %s transport', name => {
  const set = uniqueSet('rows')
  let store: UtxoStore

  beforeAll(async () => {
    store = await UtxoStore.open(storeUrl(server, { set, transport: name }))
  })

  afterAll(() => store.close())

  it('go through it', () => {
    expect(store.transportChoice.transport).toBe(name)
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

    it('entries of a map are set and removed together, in a map of either order', async () => {
      const entries = new Map<string, BinValue>([
        ['b', Uint8Array.of(2)],
        ['a', Uint8Array.of(1)],
      ])
      for (const name of ['new-map', 'old-map']) {
        if (name === 'old-map')
          await statuses(write(name, [{ kind: 'map-put', bin: 'm', key: 'z', value: 1 }]))
        expect(await statuses(write(name, [{ kind: 'map-put-all', bin: 'm', entries }]))).toEqual([0])
        const remove = { kind: 'map-remove-all', bin: 'm', keys: ['a', 'z', 'none'] } as const
        expect(await statuses(write(name, [remove]))).toEqual([0])
        expect(await read(name)).toEqual({ m: { b: Buffer.of(2) } })
      }
    })

    it('more operations than a row can count are refused, and none is done', async () => {
      const many = (length: number) =>
        Array.from({ length }, () => ({ kind: 'put', bin: 'a', value: 1 }) as const)
      const bins = Array.from({ length: 65_536 }, () => 'a')
      const refused = expect.objectContaining({ code: 'INVALID_ARGUMENT', field: 'operations of a row' })
      await expect(statuses(write('many', many(65_536)))).rejects.toEqual(refused)
      await expect(statuses({ kind: 'read', key: keyOf('many'), bins })).rejects.toEqual(refused)
      expect(await read('many')).toBeUndefined()
    })
  })

  describe('values', () => {
    const blob = Uint8Array.from({ length: 70_000 }, (_, index) => index)
    const bins: Record<string, BinValue> = {
      zero: 0,
      negative: -1,
      safe: Number.MAX_SAFE_INTEGER,
      least: -(2n ** 63n),
      no: false,
      text: 'é€😀',
      empty: '',
      blob,
      none: new Uint8Array(),
      list: [1, 'x', Uint8Array.of(3), null, true, [2n ** 60n, []], { b: 1, a: [Uint8Array.of(4)] }],
      map: { z: 1, a: { deep: [Uint8Array.of(5)] } },
    }

    it('come back as they were put', async () => {
      const puts = Object.entries(bins).map(([bin, value]) => ({ kind: 'put', bin, value }) as const)
      for (const put of puts) expect(await statuses(write('values', [put]))).toEqual([0])
      const values = (await read('values')) as Record<string, BinValue>
      expect(Buffer.from(values.blob as Uint8Array).equals(blob)).toBe(true)
      expect(withBuffers({ ...values, blob: null })).toEqual(withBuffers({ ...bins, blob: null }))
    })

    it('of some bins come without the others, and without any there is the generation', async () => {
      const rows = [['zero', 'absent', 'text'], []].map(
        names => ({ kind: 'read', key: keyOf('values'), bins: names }) as const,
      )
      const [some, none] = await store.transport.batchOperate(rows, { timeout: 5_000 })
      expect(some?.bins).toEqual({ zero: 0, text: bins.text })
      expect(none).toMatchObject({ status: 0, generation: Object.keys(bins).length })
    })
  })

  describe('batches', () => {
    it('answer each row by its own place, whatever its kind', async () => {
      const put = (value: number) => [{ kind: 'put', bin: 'n', value }] as const
      const rows: BatchRow[] = Array.from({ length: 900 }, (_, index) =>
        write(`many ${index}`, put(index), { exists: 'create-only' }),
      )
      expect(new Set(await statuses(...rows))).toEqual(new Set([0]))
      const mixed: BatchRow[] = rows.map(({ key }, index) => {
        if (index % 4 === 0) return { kind: 'read', key, bins: 'all' }
        if (index % 4 === 1) return { kind: 'read', key, bins: ['n'] }
        if (index % 4 === 2) return { kind: 'write', key, exists: 'create-only', operations: put(1) }
        return { kind: 'read', key: keyOf(`missing ${index}`), bins: 'all' }
      })
      const answers = await store.transport.batchOperate(mixed, { timeout: 5_000 })
      expect(answers.map(({ index, status, bins }) => [index, status, bins?.n])).toEqual(
        mixed.map((_, index) =>
          index % 4 < 2 ? [index, 0, index] : [index, index % 4 === 2 ? 5 : NOT_FOUND, undefined],
        ),
      )
    })

    it('change one record in the order of their rows', async () => {
      const add = (value: number) => [{ kind: 'list-append-unique', bin: 'l', value }] as const
      const rows = Array.from({ length: 200 }, (_, index) => write('one', add(index)))
      await statuses(...rows)
      expect(await read('one')).toEqual({ l: rows.map((_, index) => index) })
    })

    it('call functions, and say what failed in them', async () => {
      const [missing] = await store.transport.batchOperate(
        [{ kind: 'apply', key: keyOf('one'), module: 'no such', function: 'f', args: [{ b: 1, a: [2] }] }],
        { timeout: 5_000 },
      )
      expect(missing).toMatchObject({ status: 100, inDoubt: false })
    })

    it('remove', async () => {
      const remove = { kind: 'remove', key: keyOf('one') } as const
      expect(await statuses(remove, remove)).toEqual([0, NOT_FOUND])
    })

    it('are released at once when they are given up, and refused before they are sent', async () => {
      const abort = new AbortController()
      const pending = store.transport.batchOperate(
        [write('given up', [{ kind: 'put', bin: 'n', value: 1 }])],
        {
          timeout: 5_000,
          signal: abort.signal,
        },
      )
      abort.abort(new Error('enough'))
      await expect(pending).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
    })
  })
})

/** Blobs as one type, for comparison. */
function withBuffers(value: BinValue): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value)
  if (Array.isArray(value)) return value.map(withBuffers)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [name, withBuffers(entry as BinValue)]),
  )
}
