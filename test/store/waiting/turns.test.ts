import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { Turns } from '../../../lib/store/waiting/turns.ts'

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
  const ends = new Map<string, () => void>()
  const work = (name: string) => () => {
    started.push(name)
    return new Promise<string>(resolve => ends.set(name, () => resolve(name)))
  }
  const end = async (name: string): Promise<void> => {
    ends.get(name)?.()
    await jest.advanceTimersByTimeAsync(0)
  }
  return { started, work, end }
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'ok',
    (error: { code?: string; message: string }) => error.code ?? error.message,
  )
const WAIT = { what: 'a spend of the same transaction', waitMs: 1_000 }

describe('Turns', () => {
  it('runs the work of one key in order, that of others at once, and forgets the keys', async () => {
    const turns = new Turns()
    const { started, work, end } = held()
    const all = [
      turns.take('x', WAIT, work('x1')),
      turns.take('x', WAIT, work('x2')),
      turns.take('y', WAIT, work('y1')),
      turns.take('x', WAIT, work('x3')),
    ]
    await jest.advanceTimersByTimeAsync(0)
    expect(started).toEqual(['x1', 'y1'])
    await end('x1')
    expect(started).toEqual(['x1', 'y1', 'x2'])
    await end('y1')
    await end('x2')
    await end('x3')
    expect(await Promise.all(all)).toEqual(['x1', 'x2', 'y1', 'x3'])
    expect(turns.size).toBe(0)
  })

  it('goes on after work that fails', async () => {
    const turns = new Turns()
    expect(await codeOf(turns.take('x', WAIT, () => Promise.reject(new Error('failed'))))).toBe('failed')
    expect(await turns.take('x', WAIT, async () => 7)).toBe(7)
  })

  it('who waits too long or is aborted leaves, never runs, and lets nobody past the one in progress', async () => {
    const turns = new Turns()
    const { started, work, end } = held()
    const first = turns.take('x', WAIT, work('first'))
    const controller = new AbortController()
    const late = codeOf(
      turns.take('x', { what: 'a spend of the same transaction', waitMs: 10 }, work('late')),
    )
    const aborted = codeOf(turns.take('x', { ...WAIT, signal: controller.signal }, work('aborted')))
    const last = turns.take('x', WAIT, work('last'))
    controller.abort()
    await jest.advanceTimersByTimeAsync(10)
    expect([await late, await aborted]).toEqual(['SERVICE_UNAVAILABLE', 'CONTEXT_CANCELED'])
    expect(started).toEqual(['first'])
    await end('first')
    expect(started).toEqual(['first', 'last'])
    await end('last')
    expect(await Promise.all([first, last])).toEqual(['first', 'last'])
    await jest.advanceTimersByTimeAsync(0)
    expect(turns.size).toBe(0)
  })

  it('a line of thousands whose turns end at once nests in no stack', async () => {
    const turns = new Turns()
    turns.enter('x', WAIT, { come: () => {}, refuse: () => {} })
    let ended = 0
    for (let place = 0; place < 20_000; place++) {
      const come = (): void => {
        ended += 1
        turns.leave('x')
      }
      turns.enter('x', WAIT, { come, refuse: () => {} })
    }
    turns.leave('x')
    await jest.advanceTimersByTimeAsync(0)
    expect([ended, turns.size]).toEqual([20_000, 0])
  })
})
