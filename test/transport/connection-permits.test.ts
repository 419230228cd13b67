import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { ConnectionPermits, permitCount } from '../../lib/transport/connection-permits.ts'

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] })
})
afterEach(() => {
  expect(jest.getTimerCount()).toBe(0)
  jest.useRealTimers()
})

/** Work that ends when the test says so. */
function held() {
  const started: string[] = []
  const ends = new Map<string, { resolve: () => void; reject: (error: Error) => void }>()
  const work = (name: string) => () => {
    started.push(name)
    return new Promise<void>((resolve, reject) => ends.set(name, { resolve, reject }))
  }
  const end = async (name: string, error?: Error): Promise<void> => {
    if (error === undefined) ends.get(name)?.resolve()
    else ends.get(name)?.reject(error)
    await jest.advanceTimersByTimeAsync(0)
  }
  return { started, work, end }
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'ok',
    (error: { code?: string; message: string }) => error.code ?? error.message,
  )

describe('ConnectionPermits', () => {
  it('admits as many as there are permits, the others in the order they came', async () => {
    const permits = new ConnectionPermits(2)
    const { started, work, end } = held()
    const all = ['a', 'b', 'c', 'd'].map(name => permits.withPermit({ waitMs: 1_000 }, work(name)))
    await jest.advanceTimersByTimeAsync(0)
    expect(started).toEqual(['a', 'b'])
    await end('b')
    expect(started).toEqual(['a', 'b', 'c'])
    await end('a')
    expect(started).toEqual(['a', 'b', 'c', 'd'])
    await end('c')
    await end('d')
    await Promise.all(all)
    expect(permits.free).toBe(2)
  })

  it('lesson 80: gives the permit back however the work ends', async () => {
    const permits = new ConnectionPermits(1)
    const throwing = permits.withPermit({ waitMs: 10 }, () => {
      throw new Error('thrown at once')
    })
    expect(await codeOf(throwing)).toBe('thrown at once')
    expect(
      await codeOf(permits.withPermit({ waitMs: 10 }, () => Promise.reject(new Error('rejected')))),
    ).toBe('rejected')
    expect(permits.free).toBe(1)
  })

  it('refuses who waits too long, without starting the work, and forgets them', async () => {
    const permits = new ConnectionPermits(1)
    const { started, work, end } = held()
    const first = permits.withPermit({ waitMs: 100 }, work('first'))
    const late = codeOf(permits.withPermit({ waitMs: 100 }, work('late')))
    await jest.advanceTimersByTimeAsync(100)
    expect(await late).toBe('SERVICE_UNAVAILABLE')
    await end('first')
    await first
    expect([started, permits.free]).toEqual([['first'], 1])
  })

  it('lets nobody wait whose signal has fired before', async () => {
    const { work, end } = held()
    const permits = new ConnectionPermits(1)
    const first = permits.withPermit({ waitMs: 100 }, work('first'))
    const late = permits.withPermit({ waitMs: 100, signal: AbortSignal.abort() }, work('late'))
    expect(await codeOf(late)).toBe('CONTEXT_CANCELED')
    expect(permits.waiting).toBe(0)
    await end('first')
    expect(await codeOf(first)).toBe('ok')
  })

  it('releases who is aborted while waiting', async () => {
    const permits = new ConnectionPermits(1)
    const { started, work, end } = held()
    const first = permits.withPermit({ waitMs: 100 }, work('first'))
    const controller = new AbortController()
    const aborted = codeOf(permits.withPermit({ waitMs: 100, signal: controller.signal }, work('aborted')))
    const next = permits.withPermit({ waitMs: 100 }, work('next'))
    controller.abort()
    expect(await aborted).toBe('CONTEXT_CANCELED')
    await end('first')
    expect(started).toEqual(['first', 'next'])
    await end('next')
    await Promise.all([first, next])
  })
})

describe('permitCount (semantics 6.1)', () => {
  it.each([
    [128, 1, 128],
    [128, 0.5, 64],
    [3, 0.5, 1],
    [1, 0.001, 1],
    [1_000_000, 1_000, 2 ** 20],
    [128, 0, undefined],
    [128, -1, undefined],
    [128, Number.NaN, undefined],
  ])('%d connections times %d are %d permits', (connections, multiplier, permits) => {
    expect(permitCount(connections, multiplier)).toBe(permits)
  })
})
