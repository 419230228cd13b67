import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import type { BatchRow, Transport } from '../../../lib/transport/index.ts'
import { bytes32, contextWith } from '../support/store-fixture.ts'

const SETTINGS = { batchPolicyTotalTimeout: 700, overloadRetryMaxElapsed: 300, batcherWaitGrace: 500 }
const rows: BatchRow[] = [{ kind: 'read', key: { set: 's', userKey: bytes32(1) }, bins: 'all' }]

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] })
})
afterEach(() => {
  expect(jest.getTimerCount()).toBe(0)
  jest.useRealTimers()
})

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => 'ok',
    (error: { code: string }) => error.code,
  )

describe('operate', () => {
  it('lesson 26: is bounded by its timeout, the budget for overloads and the grace when the transport never answers', async () => {
    const context = contextWith({ batchOperate: () => new Promise(() => {}) }, SETTINGS)
    let ended = false
    const outcome = failure(context.operate(rows)).finally(() => {
      ended = true
    })
    await jest.advanceTimersByTimeAsync(1_499)
    expect(ended).toBe(false)
    await jest.advanceTimersByTimeAsync(1)
    expect(await outcome).toBe('SERVICE_UNAVAILABLE')
  })

  it('gives the transport its total time and the caller’s signal', async () => {
    const batchOperate = jest.fn<Transport['batchOperate']>(async () => [])
    const { signal } = new AbortController()
    await contextWith({ batchOperate }, SETTINGS).operate(rows, { signal })
    // Compared field by field: the matcher's type of a call with rows is too deep for the compiler.
    const [sent, options] = batchOperate.mock.calls[0] ?? []
    expect(sent).toBe(rows)
    expect(options).toEqual({ signal, timeout: 700 })
  })

  it('is bounded by a timeout of its own', async () => {
    const context = contextWith({ batchOperate: () => new Promise(() => {}) }, SETTINGS)
    const outcome = failure(context.operate(rows, { timeoutMs: 10, retryOverload: false }))
    await jest.advanceTimersByTimeAsync(510)
    expect(await outcome).toBe('SERVICE_UNAVAILABLE')
  })

  it.each<[string, Transport['batchOperate']]>([
    [
      'throws',
      () => {
        throw new TypeError('at once')
      },
    ],
    ['rejects', () => Promise.reject(new Error('later'))],
    ['rejects with undefined', () => Promise.reject(undefined)],
  ])('gives a transport that %s a typed error', async (_, batchOperate) => {
    expect(await failure(contextWith({ batchOperate }, SETTINGS).operate(rows))).toBe('STORAGE_ERROR')
  })

  it('passes the signal on, before and during the call', async () => {
    const context = contextWith({ batchOperate: () => new Promise(() => {}) }, SETTINGS)
    expect(await failure(context.operate(rows, { signal: AbortSignal.abort() }))).toBe('CONTEXT_CANCELED')
    const controller = new AbortController()
    const outcome = failure(context.operate(rows, { signal: controller.signal }))
    controller.abort()
    expect(await outcome).toBe('CONTEXT_CANCELED')
  })

  it('sends nothing for no rows', async () => {
    const batchOperate = jest.fn<Transport['batchOperate']>()
    expect(await contextWith({ batchOperate }).operate([])).toEqual([])
    expect(batchOperate).not.toHaveBeenCalled()
  })
})

describe('the settings behind it', () => {
  it('floors the retention at 0 and bounds waits by total time, overload budget and grace', () => {
    const transport = { batchOperate: async () => [] }
    expect(
      contextWith(transport, { blockHeightRetention: 10, blockHeightRetentionAdjustment: -20 }).retention,
    ).toBe(0)
    expect(
      contextWith(transport, { blockHeightRetention: 10, blockHeightRetentionAdjustment: 5 }).retention,
    ).toBe(15)
    expect(contextWith(transport, SETTINGS).waitMs).toBe(1_500)
  })
})
