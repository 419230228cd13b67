import { afterEach, beforeEach, expect, it, jest } from '@jest/globals'
import { released } from '../../../lib/store/waiting/released.ts'

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] })
})
afterEach(() => {
  expect(jest.getTimerCount()).toBe(0)
  jest.useRealTimers()
})

it.each([
  ['a result', Promise.resolve(7), 7],
  ['an error', Promise.reject(new RangeError('own')), 'own'],
])('passes on %s of the work', async (_, work, expected) => {
  const outcome = await released(work, { name: 'get', boundMs: 100 }).catch((error: Error) => error.message)
  expect(outcome).toBe(expected)
})

it('releases by the bound, once, and lets a later failure of the work go unseen', async () => {
  let fail: (error: Error) => void = () => {}
  const work = new Promise((_, reject) => {
    fail = reject
  })
  const outcome = released(work, { name: 'get', boundMs: 100 }).catch(
    (error: { code: string; message: string }) => [error.code, error.message],
  )
  await jest.advanceTimersByTimeAsync(100)
  expect(await outcome).toEqual([
    'SERVICE_UNAVAILABLE',
    'get: no answer within 100 ms; it may still take effect',
  ])
  fail(new Error('late'))
  await jest.advanceTimersByTimeAsync(0)
})

it('releases by the signal with its reason, and leaves no listener on one that outlives the call', async () => {
  const controller = new AbortController()
  const removed = jest.spyOn(controller.signal, 'removeEventListener')
  await released(Promise.resolve(1), { name: 'get', signal: controller.signal, boundMs: 100 })
  expect(removed).toHaveBeenCalledTimes(1)
  const outcome = released(new Promise(() => {}), { name: 'get', signal: controller.signal, boundMs: 100 })
  const reason = new Error('replaced')
  controller.abort(reason)
  await expect(outcome).rejects.toMatchObject({ code: 'CONTEXT_CANCELED', cause: reason })
})
