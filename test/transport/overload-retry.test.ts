import { describe, expect, it } from '@jest/globals'
import { StoreError } from '../../lib/errors/index.ts'
import {
  BatchError,
  type BatchOptions,
  type BatchRow,
  ConnectionPermits,
  OverloadRetry,
  type OverloadRetryOptions,
  type RowAnswer,
  type Transport,
} from '../../lib/transport/index.ts'

const OVERLOAD = 18
const MAX_ERROR_RATE = -14
const NO_RESPONSE = -15
const NO_MORE_CONNECTIONS = -7
const TIMEOUT = 9

type Reply = readonly Partial<RowAnswer>[] | Error

/** Row `n` is known by its key, whatever place it is sent in. */
const rowsOf = (count: number): BatchRow[] =>
  Array.from({ length: count }, (_, n) => ({
    kind: 'read',
    key: { set: 's', userKey: Uint8Array.of(n) },
    bins: [],
  }))

const answered = (statuses: readonly number[]): Partial<RowAnswer>[] => statuses.map(status => ({ status }))

/** Replies call by call, on a clock that only pauses move. */
function scripted(replies: readonly Reply[], options: Partial<OverloadRetryOptions> = {}) {
  const sent: number[][] = []
  const pauses: number[] = []
  let nowMs = 0
  const inner: Transport = {
    async batchOperate(rows) {
      const reply = replies[sent.length]
      sent.push(rows.map(row => (row.key.userKey as Uint8Array)[0] ?? -1))
      if (reply === undefined) throw new Error('one call too many')
      if (reply instanceof Error) throw reply
      return reply.map((answer, index) => ({ index, status: 0, bins: undefined, inDoubt: false, ...answer }))
    },
  }
  const closing = new AbortController()
  const retried: number[] = []
  const transport = new OverloadRetry(inner, {
    maxElapsedMs: 120_000,
    baseDelayMs: 50,
    maxDelayMs: 5_000,
    closing: closing.signal,
    now: () => nowMs,
    random: () => 0.5,
    sleep: async ms => {
      pauses.push(ms)
      nowMs += ms
    },
    onRetry: ({ rows }) => retried.push(rows),
    ...options,
  })
  const operate = (rows: number, batch: Partial<BatchOptions> = {}) =>
    transport.batchOperate(rowsOf(rows), { timeout: 1_000, ...batch }).then(
      answers => answers.map(({ index, status }) => [index, status]),
      (error: Error) => error,
    )
  return { transport, operate, sent, pauses, retried, closing }
}

const refused = (status = OVERLOAD, inDoubt = false): BatchError => new BatchError('refused', status, inDoubt)

describe('rows whose second attempt failed as a whole', () => {
  it.each<[string, Error, boolean]>([
    ['were not sent', refused(NO_MORE_CONNECTIONS), false],
    ['found no connection free', new StoreError('SERVICE_UNAVAILABLE', 'nothing was sent'), false],
    ['may have been applied', refused(TIMEOUT, true), true],
    ['have an error that says nothing', new Error('boom'), true],
  ])('%s', async (_, error, inDoubt) => {
    const { transport } = scripted([answered([0, OVERLOAD]), error])
    const rows = rowsOf(2).map(({ key }): BatchRow => ({ kind: 'remove', key }))
    const answers = await transport.batchOperate(rows, { timeout: 1_000 })
    expect(answers.map(answer => answer.inDoubt)).toEqual([false, inDoubt])
  })

  it('are never in doubt where they change nothing', async () => {
    const { transport } = scripted([answered([0, OVERLOAD]), refused(TIMEOUT, true)])
    const answers = await transport.batchOperate(rowsOf(2), { timeout: 1_000 })
    expect(answers.map(answer => answer.inDoubt)).toEqual([false, false])
  })
})

describe('what is sent again', () => {
  it('lesson 79: only the overloaded rows, and the answers of the others are kept', async () => {
    const { operate, sent, retried } = scripted([
      answered([0, OVERLOAD, 2, MAX_ERROR_RATE, 5]),
      answered([0, OVERLOAD]),
      answered([27]),
    ])
    expect(await operate(5)).toEqual([
      [0, 0],
      [1, 0],
      [2, 2],
      [3, 27],
      [4, 5],
    ])
    expect(sent).toEqual([[0, 1, 2, 3, 4], [1, 3], [3]])
    expect(retried).toEqual([2, 1])
  })

  it.each<[string, Reply]>([
    ['a timeout', [{ status: TIMEOUT }]],
    ['a timeout in doubt', [{ status: TIMEOUT, inDoubt: true }]],
    ['an overload in doubt', [{ status: OVERLOAD, inDoubt: true }]],
    ['a hot key', [{ status: 14 }]],
    ['no response, by itself', [{ status: NO_RESPONSE }]],
    ['success', [{ status: 0 }]],
  ])('lesson 78: never %s', async (_, reply) => {
    const { operate, sent } = scripted([reply])
    expect(await operate(1)).toHaveLength(1)
    expect(sent).toHaveLength(1)
  })

  it.each([
    ['a timeout of the whole call', refused(TIMEOUT)],
    ['an overload of the whole call in doubt', refused(OVERLOAD, true)],
    ['any other error', new Error('boom')],
  ])('lesson 78: never %s', async (_, error) => {
    const { operate, sent } = scripted([error])
    expect(await operate(2)).toBe(error)
    expect(sent).toHaveLength(1)
  })

  it('everything after a whole call that was refused for load', async () => {
    const { operate, sent } = scripted([refused(OVERLOAD), refused(MAX_ERROR_RATE), answered([0, 5])])
    expect(await operate(2)).toEqual([
      [0, 0],
      [1, 5],
    ])
    expect(sent).toEqual([
      [0, 1],
      [0, 1],
      [0, 1],
    ])
  })

  it('rows without a response where every other row was refused, and not where one was answered', async () => {
    const whole = scripted([answered([OVERLOAD, NO_RESPONSE]), answered([0, 0])])
    await whole.operate(2)
    expect(whole.sent[1]).toEqual([0, 1])
    const part = scripted([answered([OVERLOAD, NO_RESPONSE, 0]), answered([0])])
    expect(await part.operate(3)).toEqual([
      [0, 0],
      [1, NO_RESPONSE],
      [2, 0],
    ])
    expect(part.sent[1]).toEqual([0])
  })

  it('nothing where the caller wants the refusal as an answer', async () => {
    const { operate, sent } = scripted([answered([OVERLOAD])])
    expect(await operate(1, { retryOverload: false })).toEqual([[0, OVERLOAD]])
    expect(sent).toHaveLength(1)
  })

  it('rows that must go once, too: the refusal is definite', async () => {
    const { operate, sent } = scripted([answered([OVERLOAD]), answered([0])])
    expect(await operate(1, { once: true })).toEqual([[0, 0]])
    expect(sent).toHaveLength(2)
  })

  it('rows that must go once, and have no response, are not: they may have been left out of the answer', async () => {
    const { operate, sent } = scripted([answered([OVERLOAD, NO_RESPONSE]), answered([0])])
    expect(await operate(2, { once: true })).toEqual([
      [0, 0],
      [1, NO_RESPONSE],
    ])
    expect(sent[1]).toEqual([0])
  })

  it('passes answers on as they are where nothing is refused, whatever their shape', async () => {
    const odd = [undefined, 7, { index: 3, status: 0 }] as never
    const transport = new OverloadRetry(
      { batchOperate: async () => odd },
      { maxElapsedMs: 1, baseDelayMs: 1, maxDelayMs: 1, closing: new AbortController().signal },
    )
    expect(await transport.batchOperate(rowsOf(1), { timeout: 1 })).toBe(odd)
  })
})

describe('how a later failure ends', () => {
  it('rows whose second attempt failed as a whole are in doubt, the others keep their answers', async () => {
    const { transport } = scripted([answered([0, OVERLOAD]), refused(TIMEOUT, true)])
    const rows = rowsOf(2).map(({ key }): BatchRow => ({ kind: 'remove', key }))
    expect(await transport.batchOperate(rows, { timeout: 1 })).toEqual([
      { index: 0, status: 0, bins: undefined, inDoubt: false },
      { index: 1, status: TIMEOUT, bins: undefined, inDoubt: true },
    ])
  })

  it('a row that the second answer leaves out has no answer', async () => {
    const { operate } = scripted([answered([OVERLOAD, 0, OVERLOAD]), answered([0])])
    expect(await operate(3)).toEqual([
      [0, 0],
      [1, 0],
    ])
  })

  it('a whole call refused to the end is an error', async () => {
    const error = refused()
    const { operate } = scripted([error, error, error], { maxElapsedMs: 151 })
    expect(await operate(2)).toBe(error)
  })
})

describe('pauses', () => {
  const always = Array.from({ length: 100 }, () => answered([OVERLOAD]))

  it('double from the base to the cap', async () => {
    const { operate, pauses } = scripted(always, { maxElapsedMs: 20_000 })
    expect(await operate(1)).toEqual([[0, OVERLOAD]])
    expect(pauses).toEqual([50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000])
  })

  it.each([
    [0, 37.5],
    [0.5, 50],
    [1 - 2 ** -53, 62.5],
  ])('vary by a quarter: %d gives %d ms', async (random, ms) => {
    const { operate, pauses } = scripted(always, { maxElapsedMs: 60, random: () => random })
    await operate(1)
    expect(pauses.length).toBeLessThanOrEqual(1)
    const once = scripted(always, { maxElapsedMs: 63, random: () => random })
    await once.operate(1)
    expect(once.pauses[0]).toBeCloseTo(ms)
  })

  it('never lead beyond the budget: no attempt begins after it', async () => {
    const { operate, sent } = scripted(always, { maxElapsedMs: 149 })
    await operate(1)
    expect(sent).toHaveLength(2)
    const off = scripted(always, { maxElapsedMs: 0 })
    await off.operate(1)
    expect(off.sent).toHaveLength(1)
  })

  it('end when the store closes or the caller gives up, without another attempt', async () => {
    for (const who of ['store', 'caller'] as const) {
      const caller = new AbortController()
      const { operate, sent, closing } = scripted(always, {
        sleep: async () => (who === 'store' ? closing : caller).abort(),
      })
      expect(await operate(1, { signal: caller.signal })).toEqual([[0, OVERLOAD]])
      expect(sent).toHaveLength(1)
    }
  })

  it('with the real clock leave neither timer nor listener behind when they end early', async () => {
    const closing = new AbortController()
    const inner: Transport = {
      batchOperate: async () => [{ index: 0, status: OVERLOAD, bins: undefined, inDoubt: false }],
    }
    const transport = new OverloadRetry(inner, {
      maxElapsedMs: 1_000_000,
      baseDelayMs: 500_000,
      maxDelayMs: 500_000,
      closing: closing.signal,
    })
    const outcome = transport.batchOperate(rowsOf(1), { timeout: 1 })
    await new Promise(resolve => setImmediate(resolve))
    closing.abort()
    expect(await outcome).toMatchObject([{ status: OVERLOAD }])
  })

  it('lesson 80: hold no permit, and every permit is back after any failure', async () => {
    const permits = new ConnectionPermits(1)
    const replies: Reply[] = [answered([OVERLOAD]), refused(), new Error('boom')]
    let calls = 0
    const inner: Transport = {
      batchOperate: () =>
        permits.withPermit({ waitMs: 1 }, async () => {
          expect(permits.free).toBe(0)
          const reply = replies[calls++]
          if (reply instanceof Error) throw reply
          return [{ index: 0, status: OVERLOAD, bins: undefined, inDoubt: false }]
        }),
    }
    const free: number[] = []
    const transport = new OverloadRetry(inner, {
      maxElapsedMs: 1_000,
      baseDelayMs: 1,
      maxDelayMs: 1,
      closing: new AbortController().signal,
      sleep: async () => {
        free.push(permits.free)
      },
    })
    await expect(transport.batchOperate(rowsOf(1), { timeout: 1 })).rejects.toThrow('boom')
    expect(free).toEqual([1, 1])
    expect(permits.free).toBe(1)
  })
})
