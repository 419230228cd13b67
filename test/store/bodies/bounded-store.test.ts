import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { type ExternalStore, MemoryStore } from '../../../lib/external/index.ts'
import { BoundedStore } from '../../../lib/store/bodies/bounded-store.ts'

const TXID = 'ab'.repeat(32)
const BODY = Uint8Array.of(1, 2, 3)
const CALL_MS = 1_000

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] })
})
afterEach(() => {
  // Nothing is left that could hold the process.
  expect(jest.getTimerCount()).toBe(0)
  jest.useRealTimers()
})

/** A store that answers nothing until the test lets it; it notes the signals that it was given. */
function hung() {
  const ends: (() => void)[] = []
  const signals: (AbortSignal | undefined)[] = []
  const never = (signal: AbortSignal | undefined): Promise<never> => {
    signals.push(signal)
    return new Promise((_, reject) => ends.push(() => reject(new Error('too late'))))
  }
  const store: ExternalStore = {
    set: (_txid, _type, _body, options) => never(options?.signal),
    get: (_txid, _type, options) => never(options?.signal),
    delete: (_txid, _type, options) => never(options?.signal),
    async *stream(_txid, _type, options) {
      yield await never(options?.signal)
    },
    close: async () => {},
  }
  return { store, ends, signals }
}

async function drained(pieces: AsyncIterable<Uint8Array>): Promise<number[]> {
  const bytes: number[] = []
  for await (const piece of pieces) bytes.push(...piece)
  return bytes
}

const CALLS: readonly [string, (store: ExternalStore, signal?: AbortSignal) => Promise<unknown>][] = [
  ['set', (store, signal) => store.set(TXID, 'tx', BODY, { signal })],
  ['get', (store, signal) => store.get(TXID, 'tx', { signal })],
  ['delete', (store, signal) => store.delete(TXID, 'tx', { signal })],
  ['stream', (store, signal) => drained(store.stream(TXID, 'tx', { signal }))],
]

const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'ok',
    (error: { code?: string }) => error.code,
  )

describe.each(CALLS)('%s of a store that never answers', (_, call) => {
  it('is given up at the bound, and the store is told', async () => {
    const { store, signals } = hung()
    const outcome = codeOf(call(new BoundedStore(store, { callMs: CALL_MS })))
    await jest.advanceTimersByTimeAsync(CALL_MS - 1)
    expect(signals.map(signal => signal?.aborted)).toEqual([false])
    await jest.advanceTimersByTimeAsync(1)
    expect(await outcome).toBe('SERVICE_UNAVAILABLE')
    expect(signals[0]?.aborted).toBe(true)
  })

  it('ends with its caller, and does not begin after he has gone', async () => {
    const { store, signals } = hung()
    const bounded = new BoundedStore(store, { callMs: CALL_MS })
    const caller = new AbortController()
    const outcome = codeOf(call(bounded, caller.signal))
    await jest.advanceTimersByTimeAsync(0)
    caller.abort()
    expect(await outcome).toBe('CONTEXT_CANCELED')
    expect(signals[0]?.aborted).toBe(true)
    expect(await codeOf(call(bounded, caller.signal))).toBe('CONTEXT_CANCELED')
    expect(signals).toHaveLength(1)
  })

  it('does not pile up there: with enough of them unended, further calls are refused until one ends', async () => {
    const { store, ends, signals } = hung()
    const bounded = new BoundedStore(store, { callMs: CALL_MS, givenUpMax: 2 })
    const given = [codeOf(call(bounded)), codeOf(call(bounded))]
    await jest.advanceTimersByTimeAsync(CALL_MS)
    expect(await Promise.all(given)).toEqual(['SERVICE_UNAVAILABLE', 'SERVICE_UNAVAILABLE'])
    expect(await codeOf(call(bounded))).toBe('SERVICE_UNAVAILABLE')
    expect(signals).toHaveLength(2)
    ends[0]?.()
    await jest.advanceTimersByTimeAsync(0)
    const next = codeOf(call(bounded))
    await jest.advanceTimersByTimeAsync(CALL_MS)
    expect(await next).toBe('SERVICE_UNAVAILABLE')
    expect(signals).toHaveLength(3)
  })
})

describe('a store that answers', () => {
  it('is what it was', async () => {
    const bounded = new BoundedStore(new MemoryStore(), { callMs: CALL_MS })
    expect(await bounded.get(TXID, 'tx')).toBeUndefined()
    await bounded.set(TXID, 'tx', BODY)
    expect(await bounded.get(TXID, 'tx')).toEqual(BODY)
    expect(await drained(bounded.stream(TXID, 'tx'))).toEqual([...BODY])
    await bounded.delete(TXID, 'tx')
    expect(await drained(bounded.stream(TXID, 'tx'))).toEqual([])
    await bounded.close()
  })

  it('keeps its own errors', async () => {
    const store = new MemoryStore()
    const failure = new Error('down')
    jest.spyOn(store, 'get').mockRejectedValue(failure)
    await expect(new BoundedStore(store, { callMs: CALL_MS }).get(TXID, 'tx')).rejects.toBe(failure)
  })

  it('has a stream closed that its reader leaves, even one whose caller has gone', async () => {
    const { store } = hung()
    const pieces = { next: async () => ({ done: false as const, value: BODY }) }
    const left = jest.fn(async () => ({ done: true as const, value: undefined }))
    const caller = new AbortController()
    jest.spyOn(store, 'stream').mockReturnValue({
      [Symbol.asyncIterator]: () => ({ ...pieces, return: left }),
    })
    const bounded = new BoundedStore(store, { callMs: CALL_MS })
    for await (const _ of bounded.stream(TXID, 'tx', { signal: caller.signal })) {
      caller.abort()
      break
    }
    expect(left).toHaveBeenCalledTimes(1)
  })

  it('has no more time for a stream than for a body, however its pieces come', async () => {
    const { store } = hung()
    const slow = async (): Promise<IteratorResult<Uint8Array>> => {
      await new Promise(resolve => setTimeout(resolve, CALL_MS * 0.4))
      return { done: false, value: BODY }
    }
    jest.spyOn(store, 'stream').mockReturnValue({ [Symbol.asyncIterator]: () => ({ next: slow }) })
    const outcome = codeOf(drained(new BoundedStore(store, { callMs: CALL_MS }).stream(TXID, 'tx')))
    await jest.advanceTimersByTimeAsync(CALL_MS)
    expect(await outcome).toBe('SERVICE_UNAVAILABLE')
    await jest.advanceTimersByTimeAsync(CALL_MS)
  })
})
