import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import {
  type AnswerListener,
  Batcher,
  type BatcherOptions,
  type BatchHandler,
  type BatchItem,
  type BatchObserver,
} from '../../lib/batching/index.ts'
import { StoreError } from '../../lib/errors/index.ts'

type Item = BatchItem<number, string>

const OPTIONS: BatcherOptions = {
  name: 'test batcher',
  size: 4,
  lingerMs: 10,
  concurrency: 2,
  queueItemsMax: 100,
  whenFull: 'refuse',
  waitMs: 1_000,
}

/** Answers every item with its request as text. */
const echo: BatchHandler<number, string> = async items => {
  for (const item of items) item.succeed(`answer ${item.request}`)
}

/** A handler whose batches wait until the test answers them. */
function heldHandler() {
  const batches: { items: readonly Item[]; signal: AbortSignal; release: () => void }[] = []
  const handler: BatchHandler<number, string> = (items, { signal }) =>
    new Promise(release => {
      batches.push({ items, signal, release })
    })
  const answer = (index: number): void => {
    const batch = batches[index]
    if (batch === undefined) throw new Error(`no batch ${index}`)
    for (const item of batch.items) item.succeed(`answer ${item.request}`)
    batch.release()
  }
  return {
    handler,
    batches,
    answer,
    requests: () => batches.map(batch => batch.items.map(item => item.request)),
  }
}

function batcher(handler: BatchHandler<number, string>, options: Partial<BatcherOptions> = {}) {
  return new Batcher<number, string>({ ...OPTIONS, ...options }, handler)
}

/** Lets every promise continuation that is due run, without moving the clock. */
async function settle(): Promise<void> {
  await jest.advanceTimersByTimeAsync(0)
}

/** The outcome of a promise as data, attached at once so that a rejection is never unhandled. */
async function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise
  } catch (error) {
    return error instanceof StoreError ? error.code : error
  }
}

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] })
})

afterEach(() => {
  // Each test ends with nothing that could hold the process: the linger, the waits and the guards are gone.
  expect(jest.getTimerCount()).toBe(0)
  jest.useRealTimers()
})

describe('when a batch leaves', () => {
  it('leaves at once when it is full', async () => {
    const held = heldHandler()
    const pool = batcher(held.handler)
    const answers = [1, 2, 3, 4].map(n => pool.submit(n))
    expect(held.requests()).toEqual([[1, 2, 3, 4]])
    held.answer(0)
    expect(await Promise.all(answers)).toEqual(['answer 1', 'answer 2', 'answer 3', 'answer 4'])
  })

  it('leaves when its first item has lingered, not its last', async () => {
    const held = heldHandler()
    const pool = batcher(held.handler)
    const first = pool.submit(1)
    await jest.advanceTimersByTimeAsync(7)
    const second = pool.submit(2)
    await jest.advanceTimersByTimeAsync(1)
    expect(held.requests()).toEqual([])
    await jest.advanceTimersByTimeAsync(2)
    expect(held.requests()).toEqual([[1, 2]])
    held.answer(0)
    await Promise.all([first, second])
  })

  it.each([0.5, 1])('collects during a linger of %d ms, too', async lingerMs => {
    const held = heldHandler()
    const pool = batcher(held.handler, { lingerMs })
    const answers = [1, 2, 3].map(n => pool.submit(n))
    expect(held.requests()).toEqual([])
    await jest.advanceTimersByTimeAsync(1)
    expect(held.requests()).toEqual([[1, 2, 3]])
    held.answer(0)
    await Promise.all(answers)
  })

  it('lets items linger for their whole millisecond also when a batch before them ends', async () => {
    const held = heldHandler()
    const pool = batcher(held.handler, { lingerMs: 1 })
    const first = pool.submit(1)
    await jest.advanceTimersByTimeAsync(1)
    const second = pool.submit(2)
    held.answer(0)
    await first
    await settle()
    expect(held.requests()).toEqual([[1]])
    const third = pool.submit(3)
    await jest.advanceTimersByTimeAsync(1)
    expect(held.requests()).toEqual([[1], [2, 3]])
    held.answer(1)
    await Promise.all([second, third])
  })

  it('counts a new linger from the first item that a full batch left behind', async () => {
    const held = heldHandler()
    const pool = batcher(held.handler, { size: 2 })
    const answers = [pool.submit(1)]
    await jest.advanceTimersByTimeAsync(9)
    answers.push(pool.submit(2), pool.submit(3))
    expect(held.requests()).toEqual([[1, 2]])
    await jest.advanceTimersByTimeAsync(8)
    expect(held.requests()).toEqual([[1, 2]])
    await jest.advanceTimersByTimeAsync(2)
    expect(held.requests()).toEqual([[1, 2], [3]])
    held.answer(0)
    held.answer(1)
    await Promise.all(answers)
  })

  it('with size 1 dispatches each item at once', async () => {
    const held = heldHandler()
    const pool = batcher(held.handler, { size: 1, concurrency: 0 })
    const answers = [pool.submit(1), pool.submit(2)]
    expect(held.requests()).toEqual([[1], [2]])
    held.answer(0)
    held.answer(1)
    await Promise.all(answers)
  })

  it('with linger 0 collects what one turn of the event loop puts in', async () => {
    const held = heldHandler()
    const pool = batcher(held.handler, { lingerMs: 0 })
    const answers = [pool.submit(1), pool.submit(2)]
    expect(held.requests()).toEqual([])
    await settle()
    expect(held.requests()).toEqual([[1, 2]])
    held.answer(0)
    await Promise.all(answers)
  })

  it('lesson 23: never has more dispatches in flight than the cap, and keeps the order', async () => {
    const held = heldHandler()
    const pool = batcher(held.handler, { size: 2, concurrency: 2 })
    const answers = [1, 2, 3, 4, 5, 6, 7].map(n => pool.submit(n))
    await jest.advanceTimersByTimeAsync(50)
    expect(held.requests()).toEqual([
      [1, 2],
      [3, 4],
    ])
    held.answer(1)
    await settle()
    expect(held.requests()).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ])
    held.answer(0)
    await settle()
    // The last item has lingered while no place was free: it leaves as soon as one is.
    expect(held.requests()).toEqual([[1, 2], [3, 4], [5, 6], [7]])
    held.answer(2)
    held.answer(3)
    await Promise.all(answers)
    await settle()
    expect(pool.dispatchesInFlight).toBe(0)
  })

  it('answers 30,000 items with one dispatch in flight at a time, each with its own answer', async () => {
    let inFlight = 0
    let inFlightMax = 0
    const pool = batcher(
      async items => {
        inFlight += 1
        inFlightMax = Math.max(inFlightMax, inFlight)
        await null
        for (const item of items) item.succeed(`answer ${item.request}`)
        inFlight -= 1
      },
      { size: 100, concurrency: 1, queueItemsMax: 30_000 },
    )
    const requests = Array.from({ length: 30_000 }, (_, n) => n)
    const answers = Promise.all(requests.map(n => pool.submit(n)))
    await settle()
    expect(await answers).toEqual(requests.map(n => `answer ${n}`))
    expect(inFlightMax).toBe(1)
  })
})

describe('groups', () => {
  it('resolves with one outcome for each request, in order, when the last is answered', async () => {
    const pool = batcher(async items => {
      for (const item of [...items].reverse()) {
        if (item.request === 2) item.fail(new StoreError('UTXO_SPENT', 'spent'))
        else item.succeed(`answer ${item.request}`)
      }
    })
    const outcomes = pool.submitGroup([1, 2, 3])
    await jest.advanceTimersByTimeAsync(10)
    expect(await outcomes).toEqual([
      { status: 'fulfilled', value: 'answer 1' },
      { status: 'rejected', reason: expect.objectContaining({ code: 'UTXO_SPENT' }) },
      { status: 'fulfilled', value: 'answer 3' },
    ])
  })

  it('splits a group larger than a batch, in order and without a foreign item in between', async () => {
    const held = heldHandler()
    const pool = batcher(held.handler, { size: 4, concurrency: 0 })
    const group = pool.submitGroup([1, 2, 3, 4, 5, 6, 7, 8, 9])
    const single = pool.submit(100)
    await jest.advanceTimersByTimeAsync(10)
    expect(held.requests()).toEqual([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
      [9, 100],
    ])
    for (const index of [2, 0, 1]) held.answer(index)
    expect((await group).map(outcome => outcome.status)).toEqual(new Array(9).fill('fulfilled'))
    await single
  })

  it('lesson 11: keeps the first answer of an item while others of its group are open', async () => {
    const held = heldHandler()
    const pool = batcher(held.handler, { size: 2 })
    const group = pool.submitGroup([1, 2])
    const [first, second] = held.batches[0]?.items ?? []
    first?.succeed('first')
    first?.fail(new StoreError('STORAGE_ERROR', 'second'))
    expect(pool.dispatchesInFlight).toBe(1)
    second?.succeed('other')
    held.batches[0]?.release()
    expect(await group).toEqual([
      { status: 'fulfilled', value: 'first' },
      { status: 'fulfilled', value: 'other' },
    ])
    await settle()
  })

  it('is complete at once when it has no items', async () => {
    const held = heldHandler()
    const pool = batcher(held.handler)
    expect(await pool.submitGroup([])).toEqual([])
    expect(held.batches).toEqual([])
  })
})

it('a listener that cannot bear its answer keeps neither the others nor the batcher from going on', async () => {
  let fails = true
  const pool = batcher(
    async items => {
      if (fails) throw new Error('broken')
      for (const item of items) item.succeed(`answer ${item.request}`)
    },
    { concurrency: 1 },
  )
  const told: number[] = []
  const thrower = (request: number): AnswerListener<string> => ({
    succeed: () => {},
    fail: () => {
      told.push(request)
      throw new Error('cannot bear it')
    },
  })
  for (const request of [1, 2, 3, 4]) pool.submitTo(thrower(request), request)
  await settle()
  expect(told).toEqual([1, 2, 3, 4])
  expect(pool.dispatchesInFlight).toBe(0)
  fails = false
  const answer = pool.submit(5)
  await jest.advanceTimersByTimeAsync(10)
  expect(await answer).toBe('answer 5')
})

describe('whatever the handler does, every caller is answered once', () => {
  const faults: { fault: string; handler: BatchHandler<number, string>; expected: unknown[] }[] = [
    {
      fault: 'throws synchronously',
      handler: () => {
        throw new TypeError('at once')
      },
      expected: ['PROCESSING', 'PROCESSING', 'PROCESSING'],
    },
    {
      fault: 'rejects',
      handler: () => Promise.reject(new Error('rejected')),
      expected: ['PROCESSING', 'PROCESSING', 'PROCESSING'],
    },
    {
      fault: 'rejects with undefined',
      handler: () => Promise.reject(undefined),
      expected: ['PROCESSING', 'PROCESSING', 'PROCESSING'],
    },
    {
      fault: 'throws half-way: the answered item keeps its answer',
      handler: async items => {
        items[0]?.succeed('first')
        await null
        throw new Error('half-way')
      },
      expected: ['first', 'PROCESSING', 'PROCESSING'],
    },
    {
      fault: 'answers some and returns',
      handler: async items => items[1]?.succeed('second'),
      expected: ['PROCESSING', 'second', 'PROCESSING'],
    },
    {
      fault: 'answers twice: the first answer stays',
      handler: async items => {
        for (const item of items) {
          item.succeed('first')
          item.fail(new StoreError('STORAGE_ERROR', 'second'))
          item.succeed('third')
        }
      },
      expected: ['first', 'first', 'first'],
    },
    {
      fault: 'fails an item, then succeeds it',
      handler: async items => {
        for (const item of items) {
          item.fail(new StoreError('STORAGE_ERROR', 'first'))
          item.succeed('second')
        }
      },
      expected: ['STORAGE_ERROR', 'STORAGE_ERROR', 'STORAGE_ERROR'],
    },
    {
      fault: 'never returns',
      handler: () => new Promise(() => {}),
      expected: ['SERVICE_UNAVAILABLE', 'SERVICE_UNAVAILABLE', 'SERVICE_UNAVAILABLE'],
    },
    {
      fault: 'answers one and never returns',
      handler: items => {
        items[2]?.succeed('third')
        return new Promise(() => {})
      },
      expected: ['SERVICE_UNAVAILABLE', 'SERVICE_UNAVAILABLE', 'third'],
    },
  ]

  it.each(faults)('$fault', async ({ handler, expected }) => {
    const pool = batcher(handler, { size: 3 })
    const outcomes = Promise.all([1, 2, 3].map(n => outcomeOf(pool.submit(n))))
    await jest.advanceTimersByTimeAsync(OPTIONS.waitMs)
    expect(await outcomes).toEqual(expected)
    // The place of the faulty dispatch is free again.
    expect(pool.dispatchesInFlight).toBe(0)
    await pool.close()
  })

  it('names the batcher and keeps the cause', async () => {
    const cause = new RangeError('the codec broke')
    const pool = batcher(() => Promise.reject(cause), { size: 1 })
    await expect(pool.submit(1)).rejects.toMatchObject({
      code: 'PROCESSING',
      message: 'test batcher: the batch handler failed: the codec broke',
      cause,
    })
  })

  it('lesson 10: an answer after the deadline has no effect but is reported', async () => {
    const unwantedAnswer = jest.fn()
    const held = heldHandler()
    const pool = batcher(held.handler, { size: 1, observer: { unwantedAnswer } })
    const outcome = outcomeOf(pool.submit(1))
    await jest.advanceTimersByTimeAsync(OPTIONS.waitMs)
    expect(await outcome).toBe('SERVICE_UNAVAILABLE')
    expect(() => held.answer(0)).not.toThrow()
    expect(unwantedAnswer).toHaveBeenCalledTimes(1)
    expect(held.batches[0]?.items[0]?.outcome).toBeUndefined()
  })

  it('lesson 02: a handler that never returns gives its place back and is told so', async () => {
    const handlerLost = jest.fn()
    const held = heldHandler()
    const pool = batcher(held.handler, { size: 1, concurrency: 1, observer: { handlerLost } })
    const lost = outcomeOf(pool.submit(1))
    await jest.advanceTimersByTimeAsync(400)
    const next = pool.submit(2)
    expect(held.batches.length).toBe(1)
    await jest.advanceTimersByTimeAsync(600)
    expect(await lost).toBe('SERVICE_UNAVAILABLE')
    expect(held.batches[0]?.signal.aborted).toBe(true)
    expect(handlerLost).toHaveBeenCalledTimes(1)
    expect(held.requests()).toEqual([[1], [2]])
    held.answer(1)
    expect(await next).toBe('answer 2')
  })

  it('an observer that throws at every report changes nothing', async () => {
    const explode = (): never => {
      throw new Error('registry')
    }
    const observer: BatchObserver = {
      dispatched: explode,
      finished: explode,
      settled: explode,
      handlerFailed: explode,
      handlerLost: explode,
      unwantedAnswer: explode,
      refused: explode,
    }
    const pool = batcher(async items => items[0]?.succeed('first'), { size: 2, observer })
    const outcomes = Promise.all([outcomeOf(pool.submit(1)), outcomeOf(pool.submit(2))])
    await settle()
    expect(await outcomes).toEqual(['first', 'PROCESSING'])
    await pool.close()
  })
})

describe('deadline and cancellation', () => {
  it('counts the time in the queue', async () => {
    const held = heldHandler()
    const pool = batcher(held.handler, { size: 1, concurrency: 1, waitMs: 1_000 })
    const first = pool.submit(1, { waitMs: 5_000 })
    const queued = outcomeOf(pool.submit(2, { waitMs: 300 }))
    await jest.advanceTimersByTimeAsync(300)
    expect(await queued).toBe('SERVICE_UNAVAILABLE')
    held.answer(0)
    await first
    // Nobody waits for the second any more: it is not sent.
    expect(held.requests()).toEqual([[1]])
    await pool.close()
  })

  it('lesson 26: a call that is answered just before its deadline is a success', async () => {
    const held = heldHandler()
    const pool = batcher(held.handler, { size: 1 })
    const answer = pool.submit(1)
    await jest.advanceTimersByTimeAsync(OPTIONS.waitMs - 1)
    held.answer(0)
    expect(await answer).toBe('answer 1')
  })

  it('releases an aborted caller at once, with the reason as cause', async () => {
    const held = heldHandler()
    const pool = batcher(held.handler, { size: 1 })
    const controller = new AbortController()
    const answer = pool.submit(1, { signal: controller.signal })
    const reason = new Error('block replaced')
    controller.abort(reason)
    await expect(answer).rejects.toMatchObject({ code: 'CONTEXT_CANCELED', cause: reason })
    held.answer(0)
    await settle()
  })

  it('does not queue for a signal that has fired before', async () => {
    const held = heldHandler()
    const pool = batcher(held.handler, { size: 1 })
    expect(await outcomeOf(pool.submit(1, { signal: AbortSignal.abort() }))).toBe('CONTEXT_CANCELED')
    expect(held.batches).toEqual([])
  })

  it('an item whose caller left before its batch was formed is not sent', async () => {
    const held = heldHandler()
    const pool = batcher(held.handler)
    const controller = new AbortController()
    const aborted = outcomeOf(pool.submit(1, { signal: controller.signal }))
    const stays = pool.submit(2)
    controller.abort()
    expect(await aborted).toBe('CONTEXT_CANCELED')
    await jest.advanceTimersByTimeAsync(10)
    expect(held.requests()).toEqual([[2]])
    held.answer(0)
    await stays
  })

  it.each([
    { first: 'abort', code: 'CONTEXT_CANCELED' },
    { first: 'deadline', code: 'SERVICE_UNAVAILABLE' },
  ])('lesson 19: in one tick, what came first decides: $first', async ({ first, code }) => {
    const held = heldHandler()
    const pool = batcher(held.handler, { size: 1 })
    const controller = new AbortController()
    const abort = (): void => controller.abort()
    if (first === 'abort') setTimeout(abort, OPTIONS.waitMs)
    const outcome = outcomeOf(pool.submit(1, { signal: controller.signal }))
    if (first === 'deadline') setTimeout(abort, OPTIONS.waitMs)
    await jest.advanceTimersByTimeAsync(OPTIONS.waitMs)
    expect(controller.signal.aborted).toBe(true)
    expect(await outcome).toBe(code)
  })

  it('lesson 20, 21: tells which items of an aborted group were answered, and hides later answers', async () => {
    const held = heldHandler()
    const pool = batcher(held.handler, { size: 2, concurrency: 0 })
    const controller = new AbortController()
    const group = pool.submitGroup([1, 2, 3, 4], { signal: controller.signal })
    const failure = group.catch(error => error)
    held.answer(1)
    controller.abort()
    const error = await failure
    held.answer(0)
    expect(error).toMatchObject({ code: 'CONTEXT_CANCELED', unpublishedCount: 2 })
    expect(error.published.map((item: Item) => item.request)).toEqual([3, 4])
    expect(held.batches[0]?.items.map(item => item.outcome)).toEqual([undefined, undefined])
    await settle()
  })

  it('leaves no listener on a signal that outlives the call', async () => {
    const pool = batcher(echo, { size: 1 })
    const controller = new AbortController()
    const removed = jest.spyOn(controller.signal, 'removeEventListener')
    const added = jest.spyOn(controller.signal, 'addEventListener')
    for (let n = 0; n < 5; n++) await pool.submit(n, { signal: controller.signal })
    expect(added).toHaveBeenCalledTimes(5)
    expect(removed).toHaveBeenCalledTimes(5)
    await settle()
  })
})

describe('a full queue', () => {
  it('refuses at once, naming the cap, and takes calls again when there is room', async () => {
    const refused = jest.fn()
    const held = heldHandler()
    const pool = batcher(held.handler, { size: 1, concurrency: 1, queueItemsMax: 2, observer: { refused } })
    const answers = [1, 2, 3].map(n => pool.submit(n))
    await expect(pool.submit(4)).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      message: 'test batcher: the queue is at its cap of 2 items',
    })
    expect(refused).toHaveBeenCalledWith({ items: 1 })
    held.answer(0)
    await settle()
    answers.push(pool.submit(5))
    for (const index of [1, 2, 3]) {
      held.answer(index)
      await settle()
    }
    await Promise.all(answers)
    expect(held.requests()).toEqual([[1], [2], [3], [5]])
  })

  it('takes a group larger than the cap whole when there is room', async () => {
    const held = heldHandler()
    const pool = batcher(held.handler, { size: 2, concurrency: 1, queueItemsMax: 2 })
    const group = pool.submitGroup([1, 2, 3, 4, 5, 6])
    expect(await outcomeOf(pool.submit(7))).toBe('SERVICE_UNAVAILABLE')
    for (const index of [0, 1, 2]) {
      held.answer(index)
      await settle()
    }
    expect((await group).length).toBe(6)
  })

  it('makes calls wait for room in order where that is set', async () => {
    const held = heldHandler()
    const pool = batcher(held.handler, { size: 1, concurrency: 1, queueItemsMax: 1, whenFull: 'wait' })
    const controller = new AbortController()
    const answers = [1, 2, 3, 4].map(n => pool.submit(n))
    const leaves = outcomeOf(pool.submit(5, { signal: controller.signal }))
    const last = pool.submit(6)
    expect(pool.queuedItems).toBe(1)
    controller.abort()
    expect(await leaves).toBe('CONTEXT_CANCELED')
    for (const index of [0, 1, 2, 3, 4]) {
      held.answer(index)
      await settle()
    }
    await Promise.all([...answers, last])
    expect(held.requests()).toEqual([[1], [2], [3], [4], [6]])
  })

  it('bounds the wait for room', async () => {
    const pool = batcher(() => new Promise(() => {}), {
      size: 1,
      concurrency: 1,
      queueItemsMax: 1,
      whenFull: 'wait',
    })
    const outcomes = Promise.all([1, 2, 3].map(n => outcomeOf(pool.submit(n))))
    await jest.advanceTimersByTimeAsync(OPTIONS.waitMs)
    expect(await outcomes).toEqual(['SERVICE_UNAVAILABLE', 'SERVICE_UNAVAILABLE', 'SERVICE_UNAVAILABLE'])
    await jest.advanceTimersByTimeAsync(OPTIONS.waitMs)
  })
})

describe('close', () => {
  it('lesson 17, 18: sends what is queued in batches of the usual size and waits for what is in flight', async () => {
    const held = heldHandler()
    const pool = batcher(held.handler, { size: 2, concurrency: 1, lingerMs: 1_000 })
    const answers = [1, 2, 3, 4, 5].map(n => pool.submit(n))
    let closed = false
    const closing = pool.close().then(() => {
      closed = true
    })
    for (const index of [0, 1, 2]) {
      await settle()
      expect(closed).toBe(false)
      held.answer(index)
    }
    await closing
    expect(held.requests()).toEqual([[1, 2], [3, 4], [5]])
    expect((await Promise.all(answers)).length).toBe(5)
  })

  it('answers those who wait for room, too', async () => {
    const pool = batcher(echo, { size: 1, concurrency: 1, queueItemsMax: 1, whenFull: 'wait' })
    const answers = [1, 2, 3, 4].map(n => pool.submit(n))
    await pool.close()
    expect(await Promise.all(answers)).toEqual(['answer 1', 'answer 2', 'answer 3', 'answer 4'])
  })

  it('lesson 16: refuses calls from then on, during and after', async () => {
    const held = heldHandler()
    const pool = batcher(held.handler, { size: 1 })
    const before = pool.submit(1)
    const closing = pool.close()
    const expected = { code: 'SERVICE_UNAVAILABLE', message: 'test batcher: closed' }
    await expect(pool.submit(2)).rejects.toMatchObject(expected)
    await expect(pool.submitGroup([3, 4])).rejects.toMatchObject(expected)
    held.answer(0)
    await closing
    await expect(pool.submit(5)).rejects.toMatchObject(expected)
    expect(await before).toBe('answer 1')
  })

  it('lesson 17: is idempotent and bounded by a handler that never returns', async () => {
    const pool = batcher(() => new Promise(() => {}), { size: 1 })
    const outcome = outcomeOf(pool.submit(1))
    const closing = pool.close()
    expect(pool.close()).toBe(closing)
    await jest.advanceTimersByTimeAsync(OPTIONS.waitMs)
    await closing
    expect(await outcome).toBe('SERVICE_UNAVAILABLE')
  })
})

describe('endLinger', () => {
  it('sends what lingers, and from then on what a turn of the event loop brings; calls are still taken', async () => {
    const held = heldHandler()
    const pool = batcher(held.handler, { lingerMs: 1_000 })
    const answers = [1, 2].map(n => pool.submit(n))
    await settle()
    expect(held.requests()).toEqual([])
    pool.endLinger()
    expect(held.requests()).toEqual([[1, 2]])
    answers.push(pool.submit(3), pool.submit(4))
    expect(held.requests()).toEqual([[1, 2]])
    await settle()
    expect(held.requests()).toEqual([
      [1, 2],
      [3, 4],
    ])
    held.answer(0)
    held.answer(1)
    expect((await Promise.all(answers)).length).toBe(4)
    await pool.close()
  })
})

describe('options', () => {
  it.each([
    ['size', 0],
    ['size', 1.5],
    ['lingerMs', -1],
    ['lingerMs', Number.NaN],
    ['concurrency', -1],
    ['queueItemsMax', 0],
    ['waitMs', 0],
    ['waitMs', 2 ** 31],
  ])('refuses %s = %d and names it', (field, value) => {
    expect(() => batcher(echo, { [field]: value })).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        field,
        message: expect.stringContaining(String(value)),
      }),
    )
  })
})
