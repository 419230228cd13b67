import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import {
  Batcher,
  type BatcherOptions,
  type BatchHandler,
  type ConcurrencyLimit,
  type DispatchOutcome,
  type DispatchReason,
} from '../../lib/batching/index.ts'
import { StoreError } from '../../lib/errors/index.ts'

const OPTIONS: BatcherOptions = {
  name: 'test batcher',
  size: 4,
  lingerMs: 10,
  concurrency: 1,
  queueItemsMax: 1_000,
  whenFull: 'refuse',
  waitMs: 1_000,
}

/** A batcher that notes what it sends, when and why, and answers at once. */
function recorded(options: Partial<BatcherOptions>, handler?: BatchHandler<number, number>) {
  const sent: { items: number[]; reason: DispatchReason | undefined; atMs: number }[] = []
  const startMs = performance.now()
  const batcher = new Batcher<number, number>(
    {
      ...OPTIONS,
      ...options,
      observer: {
        dispatched: ({ reason }) => {
          const last = sent.at(-1)
          if (last !== undefined) last.reason = reason
        },
      },
    },
    async (items, context) => {
      const atMs = Math.round(performance.now() - startMs)
      sent.push({ items: items.map(item => item.request), reason: undefined, atMs })
      if (handler !== undefined) return handler(items, context)
      for (const item of items) item.succeed(item.request)
    },
  )
  return { batcher, sent }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate'], now: 0 })
})

afterEach(() => {
  expect(jest.getTimerCount()).toBe(0)
  jest.useRealTimers()
})

describe('drain mode', () => {
  it('sends what is queued at the end of the turn, whatever the linger', async () => {
    const { batcher, sent } = recorded({ drainMode: true, lingerMs: 1_000 })
    const answers = [batcher.submit(1), batcher.submit(2)]
    expect(sent).toEqual([])
    await Promise.all(answers)
    expect(sent).toEqual([{ items: [1, 2], reason: 'drain', atMs: 0 }])
  })

  it('lets a batch fill while every place is taken, and sends it when one is free', async () => {
    let release: () => void = () => {}
    const { batcher, sent } = recorded({ drainMode: true }, items => {
      for (const item of items) item.succeed(item.request)
      return new Promise(resolve => {
        release = resolve
      })
    })
    await batcher.submit(1)
    const answers = [batcher.submit(2)]
    await turn()
    answers.push(batcher.submit(3))
    await turn()
    expect(sent.map(({ items }) => items)).toEqual([[1]])
    release()
    await Promise.all(answers)
    release()
    await turn()
    expect(sent.map(({ items }) => items)).toEqual([[1], [2, 3]])
  })
})

describe('greedy accumulation', () => {
  it('keeps a batch that is due as long as each turn brings more, until it is full', async () => {
    const { batcher, sent } = recorded({ greedyAccumulate: true, drainMode: true })
    const answers = [batcher.submit(1)]
    for (const request of [2, 3]) {
      await turn()
      answers.push(batcher.submit(request))
    }
    expect(sent).toEqual([])
    await turn()
    await turn()
    expect(sent.map(({ items }) => items)).toEqual([[1, 2, 3]])
    for (const request of [4, 5, 6]) answers.push(batcher.submit(request))
    await turn()
    answers.push(batcher.submit(7))
    expect(sent.at(-1)).toMatchObject({ items: [4, 5, 6, 7], reason: 'size' })
    await Promise.all(answers)
  })

  it('keeps it also where it is due by its linger', async () => {
    const { batcher, sent } = recorded({ greedyAccumulate: true, lingerMs: 10 })
    const answers = [batcher.submit(1)]
    // Without a turn of its own, in which nothing would come.
    jest.advanceTimersByTime(10)
    for (const request of [2, 3]) {
      answers.push(batcher.submit(request))
      await turn()
    }
    expect(sent).toEqual([])
    await turn()
    expect(sent.map(({ items }) => items)).toEqual([[1, 2, 3]])
    await Promise.all(answers)
  })

  it('does not hold up a batch that nothing is added to', async () => {
    const { batcher, sent } = recorded({ greedyAccumulate: true })
    const answer = batcher.submit(1)
    await jest.advanceTimersByTimeAsync(10)
    await turn()
    await turn()
    expect(sent).toMatchObject([{ items: [1], reason: 'linger' }])
    await answer
  })
})

describe('ticks', () => {
  it('sends at multiples of the interval, and a full batch at once', async () => {
    const { batcher, sent } = recorded({ tickIntervalMs: 20, lingerMs: 1 })
    await jest.advanceTimersByTimeAsync(7)
    const answers = [batcher.submit(1)]
    await jest.advanceTimersByTimeAsync(12)
    answers.push(batcher.submit(2))
    expect(sent).toEqual([])
    await jest.advanceTimersByTimeAsync(1)
    expect(sent).toEqual([{ items: [1, 2], reason: 'tick', atMs: 20 }])
    await jest.advanceTimersByTimeAsync(5)
    for (const request of [3, 4, 5, 6, 7]) answers.push(batcher.submit(request))
    expect(sent.at(-1)).toMatchObject({ items: [3, 4, 5, 6], reason: 'size' })
    await jest.advanceTimersByTimeAsync(15)
    expect(sent.at(-1)).toMatchObject({ items: [7], reason: 'tick', atMs: 40 })
    await Promise.all(answers)
  })

  it('has no timer while nothing is queued, and close sends what waits for a tick', async () => {
    const { batcher, sent } = recorded({ tickIntervalMs: 20 })
    expect(jest.getTimerCount()).toBe(0)
    await jest.advanceTimersByTimeAsync(1)
    const answer = batcher.submit(1)
    await batcher.close()
    expect(sent).toMatchObject([{ items: [1], reason: 'close' }])
    await answer
  })

  it('is refused together with drain mode', () => {
    expect(() => recorded({ tickIntervalMs: 1, drainMode: true })).toThrow(
      expect.objectContaining({ field: 'tickIntervalMs' }),
    )
  })
})

describe('the concurrency limit', () => {
  function watched(limit = 1) {
    const outcomes: DispatchOutcome[] = []
    const concurrency: ConcurrencyLimit & { limit: number } = {
      limit,
      begin: () => outcome => outcomes.push(outcome),
    }
    return { concurrency, outcomes }
  }
  const overloaded = new StoreError('SERVICE_UNAVAILABLE', 'busy')
  const isLoadSignal = (reason: unknown): boolean => reason === overloaded

  it.each<[string, number[], BatchHandler<number, number>, Partial<DispatchOutcome>]>([
    [
      'a full batch',
      [1, 2, 3, 4],
      async items => {
        for (const item of items) item.succeed(1)
      },
      { isFull: true, isDropped: false },
    ],
    [
      'a batch that was not full',
      [1],
      async items => {
        for (const item of items) item.succeed(1)
      },
      { isFull: false, isDropped: false },
    ],
    [
      'one item that failed for load',
      [1, 2, 3, 4],
      async items => {
        for (const item of items) {
          if (item.request === 3) item.fail(overloaded)
          else item.succeed(1)
        }
      },
      { isDropped: true },
    ],
    [
      'items that failed for another reason',
      [1, 2],
      async items => {
        for (const item of items) item.fail(new StoreError('UTXO_SPENT', ''))
      },
      { isDropped: false },
    ],
    [
      'a handler that throws',
      [1],
      async () => {
        throw new Error('boom')
      },
      { isDropped: false },
    ],
  ])('is told of %s', async (_, requests, handler, outcome) => {
    const { concurrency, outcomes } = watched()
    const { batcher } = recorded({ concurrency, isLoadSignal, lingerMs: 0 }, handler)
    await batcher.submitGroup(requests)
    await turn()
    expect(outcomes).toMatchObject([outcome])
  })

  it('is told of a handler that never returned', async () => {
    const { concurrency, outcomes } = watched()
    const { batcher } = recorded({ concurrency, lingerMs: 0, waitMs: 50 }, () => new Promise(() => {}))
    const answer = batcher.submit(1).catch(() => 'failed')
    await turn()
    await jest.advanceTimersByTimeAsync(50)
    expect(await answer).toBe('failed')
    expect(outcomes).toMatchObject([{ isDropped: true }])
    expect(outcomes[0]?.durationMs).toBeGreaterThanOrEqual(49)
  })

  it('lesson 23: holds as it is when a batch wants to leave, also after it was lowered', async () => {
    const { concurrency } = watched(3)
    const releases: (() => void)[] = []
    const { batcher } = recorded({ concurrency, size: 1 }, items => {
      for (const item of items) item.succeed(1)
      return new Promise(resolve => {
        releases.push(resolve)
      })
    })
    const answers = [1, 2, 3, 4, 5].map(request => batcher.submit(request))
    await turn()
    expect(batcher.dispatchesInFlight).toBe(3)
    concurrency.limit = 1
    releases.shift()?.()
    releases.shift()?.()
    await turn()
    expect(batcher.dispatchesInFlight).toBe(1)
    releases.shift()?.()
    await turn()
    expect(batcher.dispatchesInFlight).toBe(1)
    concurrency.limit = 2
    releases.shift()?.()
    await turn()
    expect([batcher.dispatchesInFlight, batcher.queuedItems, batcher.concurrencyLimit]).toEqual([1, 0, 2])
    releases.shift()?.()
    await Promise.all(answers)
    await turn()
  })
})
