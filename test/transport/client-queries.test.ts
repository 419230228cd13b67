import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { ClientQueries } from '../../lib/transport/client/client-queries.ts'
import type { ClientConnection } from '../../lib/transport/client/connection.ts'
import {
  QueryError,
  type QueryOptions,
  type QueryRecord,
  type QueryRequest,
} from '../../lib/transport/index.ts'

const IDLE_MS = 100

interface Slice {
  readonly set: string
  readonly options: Record<string, unknown>
  begin: number
  count: number
  readonly stream: EventEmitter
  where: unknown
  policy: Record<string, unknown>
}

/** A client whose queries answer as told; what it was asked is noted. */
function queriesOver(answer: (slice: Slice) => void, socketTimeoutMs = 60_000) {
  const slices: Slice[] = []
  const client = {
    query(_namespace: string, set: string, options: Record<string, unknown>) {
      const slice: Slice = {
        set,
        options,
        begin: -1,
        count: -1,
        stream: new EventEmitter(),
        where: null,
        policy: {},
      }
      return {
        partitions(begin: number, count: number) {
          Object.assign(slice, { begin, count })
        },
        where(filter: unknown) {
          slice.where = filter
        },
        foreach(policy: Record<string, unknown>) {
          slice.policy = policy
          slices.push(slice)
          setImmediate(() => answer(slice))
          return slice.stream
        },
      }
    },
  }
  const queries = new ClientQueries(client as unknown as ClientConnection, {
    namespace: 'ns',
    set: 'own',
    totalTimeoutMs: 5_000,
    socketTimeoutMs,
    maxRetries: 2,
  })
  return { queries, slices }
}

function emit({ stream }: Slice, records: number): void {
  for (let n = 0; n < records; n++) stream.emit('data', { key: { digest: Buffer.alloc(20, n) }, bins: { n } })
}

/** So many records in each partition. */
const dense =
  (each: number) =>
  (slice: Slice): void => {
    emit(slice, slice.count * each)
    slice.stream.emit('end')
  }

async function all(
  queries: ClientQueries,
  request: Partial<QueryRequest> = {},
  options: Partial<QueryOptions> = {},
): Promise<QueryRecord[]> {
  const records: QueryRecord[] = []
  for await (const record of queries.query(
    { bins: ['n'], ...request },
    { idleTimeoutMs: IDLE_MS, ...options },
  ))
    records.push(record)
  return records
}

const failure = (promise: Promise<unknown>): Promise<QueryError> =>
  promise.then(
    () => {
      throw new Error('the query did not fail')
    },
    error => error as QueryError,
  )

/** Every partition of the slices, in order. */
const partitionsOf = (slices: readonly Slice[]): number[] =>
  slices.flatMap(({ begin, count }) => Array.from({ length: count }, (_, n) => begin + n))

const range = (begin: number, count: number): number[] => Array.from({ length: count }, (_, n) => begin + n)

beforeEach(() => {
  jest.useFakeTimers({
    doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate'],
  })
})

afterEach(() => {
  jest.useRealTimers()
})

describe('slices', () => {
  it.each([0, 1, 20, 2_000])(
    'with %d records in each partition they cover every partition once',
    async each => {
      const { queries, slices } = queriesOver(dense(each))
      const partitions = each > 1_000 ? { begin: 0, count: 40 } : undefined
      const records = await all(queries, partitions === undefined ? {} : { partitions })
      expect(records.length).toBe((partitions?.count ?? 4_096) * each)
      expect(partitionsOf(slices)).toEqual(range(0, partitions?.count ?? 4_096))
    },
  )

  it('shrink to one partition where that is full, and grow where there is little', async () => {
    const full = queriesOver(dense(5_000))
    await all(full.queries, { partitions: { begin: 0, count: 20 } })
    expect(full.slices.map(({ count }) => count)).toEqual([16, 1, 1, 1, 1])
    const empty = queriesOver(dense(0))
    await all(empty.queries)
    expect(empty.slices.length).toBeLessThan(12)
  })

  it('stay within the partitions that are asked for', async () => {
    const { queries, slices } = queriesOver(dense(1))
    await all(queries, { partitions: { begin: 4_000, count: 96 } })
    expect(partitionsOf(slices)).toEqual(range(4_000, 96))
  })

  it('are read only as fast as the records are taken', async () => {
    const { queries, slices } = queriesOver(dense(1))
    const records = queries.query({ bins: [] }, { idleTimeoutMs: IDLE_MS })
    for (let n = 0; n < 16; n++) await records.next()
    expect(slices.length).toBe(1)
    await records.next()
    expect(slices.length).toBe(2)
    await records.return()
    await new Promise(resolve => setImmediate(resolve))
    expect(slices.length).toBe(2)
  })

  it('tell how many partitions have been read, when their records have been taken', async () => {
    const { queries } = queriesOver(dense(1))
    const read: number[] = []
    const records = queries.query(
      { bins: [] },
      { idleTimeoutMs: IDLE_MS, onPartitions: count => read.push(count) },
    )
    for (let n = 0; n < 16; n++) await records.next()
    expect(read).toEqual([])
    while ((await records.next()).done !== true);
    expect(read[0]).toBe(16)
    expect(read.reduce((sum, count) => sum + count, 0)).toBe(4_096)
  })

  it('end with the record that was the last to be wanted', async () => {
    const { queries, slices } = queriesOver(slice => {
      emit(slice, Math.min(20, Number(slice.options.maxRecords)))
      slice.stream.emit('end')
    })
    expect(await all(queries, { maxRecords: 30 })).toHaveLength(30)
    expect(slices.map(({ options }) => options.maxRecords)).toEqual([30, 10])
  })

  it('carry set, bins, index and filter, and the bounds of the client', async () => {
    const { queries, slices } = queriesOver(dense(0))
    const partitions = { begin: 0, count: 1 }
    await all(queries, { partitions, index: { bin: 'h', range: [1, 9] }, filter: { binExists: 'n' } })
    await all(queries, { partitions, set: 'other', bins: [] })
    expect(slices[0]).toMatchObject({
      set: 'own',
      options: { select: ['n'] },
      where: { bin: 'h', min: 1, max: 9 },
      policy: { totalTimeout: 5_000, socketTimeout: IDLE_MS, maxRetries: 2 },
    })
    const impatient = queriesOver(dense(0), 7)
    await all(impatient.queries, { partitions })
    expect(impatient.slices[0]?.policy.socketTimeout).toBe(7)
    expect(slices[0]?.policy.filterExpression).toBeInstanceOf(Array)
    expect(slices[1]).toMatchObject({ set: 'other', options: { nobins: true }, where: null })
  })
})

describe('a query that fails', () => {
  const afterTwo = (end: (slice: Slice) => void) => {
    let seen = 0
    return queriesOver(slice => {
      if (seen++ < 2) return dense(1)(slice)
      emit(slice, 3)
      end(slice)
    })
  }

  it('lesson 66: names the partitions that are still to be read, and returned nothing of them', async () => {
    const { queries, slices } = afterTwo(({ stream }) => {
      stream.emit('error', Object.assign(new Error('timed out'), { code: 9 }))
    })
    const records: QueryRecord[] = []
    const error = await failure(
      (async () => {
        for await (const record of queries.query({ bins: [] }, { idleTimeoutMs: IDLE_MS }))
          records.push(record)
      })(),
    )
    expect(error).toBeInstanceOf(QueryError)
    expect(error).toMatchObject({ code: 'STORAGE_ERROR', message: expect.stringContaining('TIMEOUT (9)') })
    expect(error.remaining.begin).toBe(records.length)
    expect(error.remaining.begin + error.remaining.count).toBe(4_096)
    expect(slices.length).toBe(3)
  })

  it.each([
    // TIMEOUT, UNAVAILABLE, no connection, no response; INDEX_NOTFOUND, PARAMETER, and no code at all.
    [9, true],
    [11, true],
    [-10, true],
    [-15, true],
    [201, false],
    [4, false],
    [undefined, false],
  ])('with the code %s is worth another attempt: %s', async (code, isTransient) => {
    const { queries } = queriesOver(({ stream }) =>
      stream.emit('error', Object.assign(new Error('x'), { code })),
    )
    expect(await failure(all(queries))).toMatchObject({ code: 'STORAGE_ERROR', isTransient })
  })

  it('lesson 65: fails after the idle time, which every record begins anew', async () => {
    const { queries, slices } = queriesOver(slice => emit(slice, 1))
    const error = failure(all(queries))
    await jest.advanceTimersByTimeAsync(0)
    await new Promise(resolve => setImmediate(resolve))
    expect(slices.length).toBe(1)
    await jest.advanceTimersByTimeAsync(10 * IDLE_MS)
    expect(await error).toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      isTransient: true,
      remaining: { begin: 0, count: 4_096 },
    })
  })

  it('ends at once when the signal fires, before and during a slice', async () => {
    const { queries, slices } = queriesOver(() => {})
    expect(await failure(all(queries, {}, { signal: AbortSignal.abort('x') }))).toMatchObject({
      code: 'CONTEXT_CANCELED',
      remaining: { begin: 0, count: 4_096 },
    })
    expect(slices.length).toBe(0)
    const controller = new AbortController()
    const error = failure(all(queries, {}, { signal: controller.signal }))
    await new Promise(resolve => setImmediate(resolve))
    controller.abort('y')
    expect(await error).toMatchObject({ code: 'CONTEXT_CANCELED', cause: 'y' })
    expect(jest.getTimerCount()).toBe(0)
  })

  it('is an error where the client throws, and leaves nothing to wait for at close', async () => {
    const queries = new ClientQueries(
      {
        query() {
          throw new TypeError('no')
        },
      } as unknown as ClientConnection,
      { namespace: 'ns', set: 's', totalTimeoutMs: 1, socketTimeoutMs: 1, maxRetries: 0 },
    )
    expect(await failure(all(queries))).toMatchObject({ code: 'STORAGE_ERROR' })
    await queries.close()
  })
})

it('close waits for a slice that was given up: the client must not be closed under it', async () => {
  const { queries, slices } = queriesOver(() => {})
  const controller = new AbortController()
  const error = failure(all(queries, {}, { signal: controller.signal }))
  await new Promise(resolve => setImmediate(resolve))
  controller.abort()
  await error
  let isClosed = false
  const closed = queries.close().then(() => {
    isClosed = true
  })
  await jest.advanceTimersByTimeAsync(1_000)
  expect(isClosed).toBe(false)
  slices[0]?.stream.emit('end')
  await jest.advanceTimersByTimeAsync(0)
  expect(isClosed).toBe(false)
  await jest.advanceTimersByTimeAsync(20)
  await closed
})
