import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { Turns } from '../../../lib/store/waiting/turns.ts'
import { codeOf, heldWork } from '../support/turns.ts'

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] })
})
afterEach(() => {
  expect(jest.getTimerCount()).toBe(0)
  jest.useRealTimers()
})

const WAIT = { what: 'conflict processing', waitMs: 1_000 }

describe('Turns', () => {
  it('runs work in order, one at a time, and again when all has ended', async () => {
    const turns = new Turns()
    const { started, work, end } = heldWork()
    const all = [turns.take(WAIT, work('1')), turns.take(WAIT, work('2')), turns.take(WAIT, work('3'))]
    await jest.advanceTimersByTimeAsync(0)
    expect(started).toEqual(['1'])
    await end('1')
    expect(started).toEqual(['1', '2'])
    const late = turns.take(WAIT, work('4'))
    await end('2')
    await end('3')
    expect(started).toEqual(['1', '2', '3', '4'])
    await end('4')
    expect(await Promise.all([...all, late])).toEqual(['1', '2', '3', '4'])
    expect(await turns.take(WAIT, async () => 5)).toBe(5)
  })

  it('goes on after work that fails, at once or later', async () => {
    const turns = new Turns()
    const failing = (): Promise<never> => Promise.reject(new Error('failed'))
    const throwing = (): Promise<never> => {
      throw new Error('thrown')
    }
    const outcomes = [failing, throwing, failing].map(work => codeOf(turns.take(WAIT, work)))
    expect(await Promise.all(outcomes)).toEqual(['failed', 'thrown', 'failed'])
    expect(await turns.take(WAIT, async () => 7)).toBe(7)
  })

  it('who waits too long or is aborted leaves and never runs', async () => {
    const turns = new Turns()
    const { started, work, end } = heldWork()
    const first = turns.take(WAIT, work('first'))
    const controller = new AbortController()
    const late = codeOf(turns.take({ ...WAIT, waitMs: 10 }, work('late')))
    const aborted = codeOf(turns.take({ ...WAIT, signal: controller.signal }, work('aborted')))
    const last = turns.take(WAIT, work('last'))
    controller.abort()
    await jest.advanceTimersByTimeAsync(10)
    expect([await late, await aborted]).toEqual(['SERVICE_UNAVAILABLE', 'CONTEXT_CANCELED'])
    expect(started).toEqual(['first'])
    await end('first')
    await end('last')
    expect(await Promise.all([first, last])).toEqual(['first', 'last'])
  })
})
