import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { readRange } from '../../../../lib/store/operations/walks/read-range.ts'
import {
  type Queries,
  QueryError,
  type QueryRecord,
  type QueryRequest,
} from '../../../../lib/transport/index.ts'
import { contextWith, ScriptedTransport } from '../../support/store-fixture.ts'

const RANGE = { begin: 100, count: 10 }

/** One record in each partition, whose number it holds; each query ends after so many partitions with such an error. */
function queriesFailing(
  failures: { after: number; code?: 'STORAGE_ERROR' | 'SERVICE_UNAVAILABLE'; isTransient?: boolean }[],
) {
  const asked: QueryRequest['partitions'][] = []
  const queries: Queries = {
    async *query({ partitions = RANGE }) {
      asked.push(partitions)
      const failure = failures[asked.length - 1]
      for (let n = 0; n < partitions.count; n += 1) {
        const remaining = { begin: partitions.begin + n, count: partitions.count - n }
        if (failure?.after === n)
          throw new QueryError(failure.code ?? 'STORAGE_ERROR', 'torn', remaining, {
            isTransient: failure.isTransient ?? true,
          })
        yield { digest: new Uint8Array(20), bins: { partition: remaining.begin } } satisfies QueryRecord
      }
    },
  }
  return { queries, asked }
}

async function readNow(
  queries: Queries,
  { retriesIdle = true, groupSize = 4, signal = undefined as AbortSignal | undefined } = {},
) {
  const context = contextWith(new ScriptedTransport(() => ({})), {}, { queries })
  const groups: number[][] = []
  let retries = 0
  let error: unknown
  try {
    const options = {
      signal,
      retriesIdle,
      groupSize,
      onPartitions: () => {},
      onRetry: () => {
        retries += 1
      },
    }
    for await (const group of readRange(context, { bins: [] }, RANGE, options))
      groups.push(group.map(({ bins }) => Number(bins.partition)))
  } catch (thrown) {
    error = thrown
  }
  return { groups, retries, error }
}

/** With the pauses between attempts passed over. */
async function read(...given: Parameters<typeof readNow>): ReturnType<typeof readNow> {
  const reading = readNow(...given)
  let isOver = false
  void reading.then(() => {
    isOver = true
  })
  while (!isOver) await jest.advanceTimersByTimeAsync(10_000)
  return reading
}

beforeEach(() => {
  jest.useFakeTimers()
})
afterEach(() => {
  jest.useRealTimers()
})

describe('readRange', () => {
  it('hands records out in groups', async () => {
    expect(await read(queriesFailing([]).queries)).toEqual({
      groups: [
        [100, 101, 102, 103],
        [104, 105, 106, 107],
        [108, 109],
      ],
      retries: 0,
    })
  })

  it('lesson 66: asks again for what was not read only, after it has handed out what was', async () => {
    const { queries, asked } = queriesFailing([{ after: 5 }, { after: 0 }, { after: 2 }])
    const { groups, retries } = await read(queries)
    expect(groups).toEqual([[100, 101, 102, 103], [104], [105, 106], [107, 108, 109]])
    expect(retries).toBe(3)
    expect(asked).toEqual([
      RANGE,
      { begin: 105, count: 5 },
      { begin: 105, count: 5 },
      { begin: 107, count: 3 },
    ])
  })

  it('gives up after ten attempts', async () => {
    const { queries, asked } = queriesFailing(Array.from({ length: 20 }, () => ({ after: 0 })))
    const { groups, error } = await read(queries)
    expect([asked.length, groups, error]).toEqual([10, [], expect.any(QueryError)])
  })

  it.each<[string, Parameters<typeof queriesFailing>[0][number], boolean, number]>([
    ['a refusal is not asked again', { after: 3, isTransient: false }, true, 1],
    ['an idle query is asked again by the pruner', { after: 3, code: 'SERVICE_UNAVAILABLE' }, true, 2],
    ['lesson 65: an idle query fails a walk', { after: 3, code: 'SERVICE_UNAVAILABLE' }, false, 1],
  ])('%s, and what was read before is handed out', async (_, failure, retriesIdle, attempts) => {
    const { queries, asked } = queriesFailing([failure])
    const { groups, error } = await read(queries, { retriesIdle })
    expect(asked.length).toBe(attempts)
    expect(groups[0]).toEqual([100, 101, 102])
    expect(error === undefined).toBe(attempts === 2)
  })

  it('asks for no more than what is taken', async () => {
    let yielded = 0
    const queries: Queries = {
      async *query() {
        for (;;) {
          yielded += 1
          yield { digest: new Uint8Array(20), bins: {} }
        }
      },
    }
    const context = contextWith(new ScriptedTransport(() => ({})), {}, { queries })
    const options = {
      signal: undefined,
      retriesIdle: true,
      groupSize: 4,
      onPartitions: () => {},
      onRetry: () => {},
    }
    for await (const _ of readRange(context, { bins: [] }, RANGE, options)) break
    expect(yielded).toBe(4)
  })
})
