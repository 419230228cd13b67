import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { fetchWhenAvailable } from '../../lib/asset/fetch-when-available.ts'

const URL = 'http://peer/subtree_data/x'

beforeEach(() => {
  jest.useFakeTimers()
})
afterEach(() => {
  jest.useRealTimers()
})

interface Answer {
  readonly status: number
  readonly retryAfter?: string
}

/** A peer that gives these answers one after the other, the last one for ever; it keeps the times of its calls. */
function peer(...answers: readonly Answer[]) {
  const times: number[] = []
  const discarded: number[] = []
  const startMs = Date.now()
  const send = async (_url: unknown, init?: RequestInit): Promise<Response> => {
    init?.signal?.throwIfAborted()
    const call = times.push(Date.now() - startMs)
    const { status, retryAfter } = answers[Math.min(call, answers.length) - 1] as Answer
    const body = new ReadableStream<Uint8Array>({
      pull: controller => {
        controller.enqueue(Buffer.from(`body ${call}`))
        controller.close()
      },
      cancel: () => {
        discarded.push(call)
      },
    })
    return new Response(body, {
      status,
      headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter },
    })
  }
  return { fetch: send as typeof fetch, times, discarded }
}

const pauses = (times: readonly number[]): number[] =>
  times.slice(1).map((time, index) => time - (times[index] ?? 0))

/** Runs a call to its end, however long it waits. */
async function ended<Result>(call: Promise<Result>): Promise<Result> {
  const settled = call.catch(() => {})
  let isSettled = false
  void settled.then(() => {
    isSettled = true
  })
  for (let turn = 0; !isSettled && turn < 1_000; turn++) await jest.advanceTimersByTimeAsync(250)
  return call
}

const REFUSED: Answer = { status: 503 }
const SERVED: Answer = { status: 200 }

describe('lesson 93: 503 only, and as the peer says', () => {
  it('tries six times, with doubling pauses, and then says that the peer is unavailable', async () => {
    const { fetch, times, discarded } = peer(REFUSED)
    await expect(ended(fetchWhenAvailable(URL, { fetch }))).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
    })
    expect(pauses(times)).toEqual([250, 500, 1_000, 2_000, 4_000])
    expect(discarded).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('gives the body of the attempt that was served, the refused ones discarded', async () => {
    const { fetch, discarded } = peer(REFUSED, REFUSED, SERVED)
    const response = await ended(fetchWhenAvailable(URL, { fetch }))
    expect(await response.text()).toBe('body 3')
    expect(discarded).toEqual([1, 2])
  })

  it.each([200, 204, 304, 400, 404, 429, 500, 502, 504])('takes %i as the answer', async status => {
    const sent: string[] = []
    const fetch = (async () => {
      sent.push('one')
      return new Response(null, { status })
    }) as unknown as typeof globalThis.fetch
    expect((await ended(fetchWhenAvailable(URL, { fetch }))).status).toBe(status)
    expect(sent).toEqual(['one'])
  })

  it.each([
    ['more than its own pause', '2', 2_000],
    ['less', '0', 250],
    ['in seconds of many digits', '60', 60_000],
    ['in seconds with zeros before them', '00000000002', 2_000],
    ['nothing', '', 250],
    ['a negative number', '-5', 250],
    ['a fraction', '1.5', 250],
    ['text', 'soon', 250],
    ['a date', 'Wed, 21 Oct 2099 07:28:00 GMT', 250],
  ])('waits as Retry-After says: %s', async (_what, retryAfter, pauseMs) => {
    const { fetch, times } = peer({ status: 503, retryAfter }, SERVED)
    await ended(fetchWhenAvailable(URL, { fetch }))
    expect(pauses(times)).toEqual([pauseMs])
  })

  it.each(['2 ', ' 2', '\t2\t'])('takes whitespace around a number for nothing: %j', async retryAfter => {
    const { fetch, times } = peer(REFUSED, SERVED)
    // `Headers` would trim it; other implementations of fetch do not.
    const send: typeof fetch = async (...request) => {
      const response = await fetch(...request)
      return Object.defineProperty(response, 'headers', { value: new Map([['retry-after', retryAfter]]) })
    }
    await ended(fetchWhenAvailable(URL, { fetch: send }))
    expect(pauses(times)).toEqual([2_000])
  })

  it('keeps its own pause where that is longer', async () => {
    const { fetch, times } = peer({ status: 503, retryAfter: '1' })
    await expect(ended(fetchWhenAvailable(URL, { fetch }))).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
    })
    expect(pauses(times)).toEqual([1_000, 1_000, 1_000, 2_000, 4_000])
  })

  it.each([
    ['a little more', '61'],
    ['nine digits', '9'.repeat(9)],
    ['ten digits', '9'.repeat(10)],
    ['more than numbers hold', '9'.repeat(400)],
  ])('gives up at once on a peer that asks for more patience than it has: %s', async (_what, retryAfter) => {
    const { fetch, times } = peer({ status: 503, retryAfter })
    await expect(ended(fetchWhenAvailable(URL, { fetch }))).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
    })
    expect(times).toEqual([0])
  })

  it('does not repeat a request that failed', async () => {
    let sent = 0
    const fetch = (async () => {
      sent += 1
      throw new TypeError('fetch failed')
    }) as unknown as typeof globalThis.fetch
    await expect(ended(fetchWhenAvailable(URL, { fetch }))).rejects.toMatchObject({
      code: 'ERROR',
      message: expect.stringContaining('fetch failed'),
    })
    expect(sent).toBe(1)
  })

  it.each([
    ['the pause between attempts', undefined],
    ['the pause that the peer asked for', '30'],
  ])('ends %s when the caller does', async (_which, retryAfter) => {
    const { fetch, times } = peer({ status: 503, ...(retryAfter !== undefined && { retryAfter }) })
    const caller = new AbortController()
    const call = fetchWhenAvailable(URL, { fetch, signal: caller.signal })
    const refused = expect(call).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
    await jest.advanceTimersByTimeAsync(100)
    caller.abort(new Error('enough'))
    await refused
    expect(times).toEqual([0])
    expect(jest.getTimerCount()).toBe(0)
  })

  it('does not wait for a caller that goes while the refused answer is discarded', async () => {
    const caller = new AbortController()
    const fetch = (async () => {
      const body = new ReadableStream({ cancel: () => caller.abort(new Error('enough')) })
      return new Response(body, { status: 503, headers: { 'retry-after': '30' } })
    }) as unknown as typeof globalThis.fetch
    let failure: unknown
    const call = fetchWhenAvailable(URL, { fetch, signal: caller.signal }).catch(error => {
      failure = error
    })
    await jest.advanceTimersByTimeAsync(1)
    try {
      expect(failure).toMatchObject({ code: 'CONTEXT_CANCELED' })
    } finally {
      await ended(call)
    }
  })

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '60000'])(
    'refuses a patience of %p ms before anything is sent',
    async patience => {
      const { fetch, times } = peer(SERVED)
      const call = fetchWhenAvailable(URL, { fetch, retryAfterMaxMs: patience as number })
      await expect(call).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', field: 'retryAfterMaxMs' })
      expect(times).toEqual([])
    },
  )

  it.each([
    ['0', 0, [250]],
    ['2147483', 2 ** 31 - 1, [2_147_483_000]],
  ])('has the patience that it is given: %s s with %i ms', async (retryAfter, retryAfterMaxMs, expected) => {
    const { fetch, times } = peer({ status: 503, retryAfter }, SERVED)
    const call = fetchWhenAvailable(URL, { fetch, retryAfterMaxMs })
    await jest.advanceTimersByTimeAsync(2 ** 31)
    await call
    expect(pauses(times)).toEqual(expected)
  })

  it('does not begin for a caller that has gone', async () => {
    const { fetch, times } = peer(SERVED)
    const call = fetchWhenAvailable(URL, { fetch, signal: AbortSignal.abort(new Error('gone')) })
    await expect(call).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
    expect(times).toEqual([])
  })
})
