import pRetry, { AbortError } from 'p-retry'
import { messageOf, StoreError, TIMER_MS_MAX, wholeNumber } from '../errors/index.ts'

export interface FetchWhenAvailableOptions {
  /** Ends requests and waits with `CONTEXT_CANCELED`. */
  readonly signal?: AbortSignal | undefined
  readonly headers?: Readonly<Record<string, string>>
  /** A peer that asks for more patience than this is given up at once, in whole milliseconds. A minute by default. */
  readonly retryAfterMaxMs?: number
  /** Sends one request; the global `fetch` by default. */
  readonly fetch?: typeof fetch
}

const ATTEMPTS = 6
const DELAY_MS = 250
const DELAY_MS_MAX = 5_000
const RETRY_AFTER_MS_MAX = 60_000
const SERVICE_UNAVAILABLE = 503

/** A refusal that another attempt may overcome. */
class Refused extends Error {
  readonly retryAfterMs: number

  constructor(url: string, retryAfterMs: number) {
    super(`${url} answered 503`)
    this.retryAfterMs = retryAfterMs
  }
}

/**
 * Sends a GET, again and again while the answer is 503: six attempts in all, after 250 ms, doubling to 5 s, or after
 * what `Retry-After` says in whole seconds where that is more (semantics 9.2). Every other answer comes back as it
 * is, and a request that fails is not repeated: only a 503 says that it is worth it.
 *
 * Throws `SERVICE_UNAVAILABLE` when the last attempt was refused too, `CONTEXT_CANCELED` when the signal fires, and
 * `ERROR` when a request fails, `INVALID_ARGUMENT` for a `retryAfterMaxMs` that makes no sense.
 */
export async function fetchWhenAvailable(
  url: string,
  {
    signal,
    headers = {},
    retryAfterMaxMs = RETRY_AFTER_MS_MAX,
    fetch: send = fetch,
  }: FetchWhenAvailableOptions = {},
): Promise<Response> {
  wholeNumber('retryAfterMaxMs', retryAfterMaxMs, 0, TIMER_MS_MAX)
  const attempt = async (): Promise<Response> => {
    let response: Response
    try {
      response = await send(url, { headers, signal: signal ?? null })
    } catch (cause) {
      throw new AbortError(
        new StoreError('ERROR', `${url} cannot be fetched: ${messageOf(cause)}`, { cause }),
      )
    }
    if (response.status !== SERVICE_UNAVAILABLE) return response
    // Unread it would keep its connection.
    await response.body?.cancel().catch(() => {})
    const refused = new Refused(url, retryAfterMs(response.headers.get('retry-after')))
    throw refused.retryAfterMs > retryAfterMaxMs ? new AbortError(refused) : refused
  }
  try {
    return await pRetry(attempt, {
      retries: ATTEMPTS - 1,
      minTimeout: DELAY_MS,
      maxTimeout: DELAY_MS_MAX,
      factor: 2,
      ...(signal && { signal }),
      onFailedAttempt: async ({ error, attemptNumber, retriesLeft }) => {
        if (!(error instanceof Refused) || retriesLeft === 0) return
        // The delay that p-retry adds counts towards what the peer asked for.
        const delayMs = Math.min(DELAY_MS * 2 ** (attemptNumber - 1), DELAY_MS_MAX)
        const moreMs = error.retryAfterMs - delayMs
        if (moreMs > 0) await pause(moreMs, signal)
      },
    })
  } catch (error) {
    throw failure(url, error, signal)
  }
}

function failure(url: string, error: unknown, signal: AbortSignal | undefined): StoreError {
  if (signal?.aborted)
    return new StoreError('CONTEXT_CANCELED', `${url}: the caller's signal ended the call`, {
      cause: signal.reason,
    })
  if (error instanceof Refused)
    return new StoreError('SERVICE_UNAVAILABLE', `${url} is at its capacity`, { cause: error })
  if (error instanceof StoreError) return error
  return new StoreError('ERROR', `${url} cannot be fetched: ${messageOf(error)}`, { cause: error })
}

/** A positive whole number of seconds; everything else, a date too, is as good as nothing. */
function retryAfterMs(header: string | null): number {
  const text = header?.trim() ?? ''
  return /^\d+$/.test(text) ? Number(text) * 1_000 : 0
}

function pause(forMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new StoreError('CONTEXT_CANCELED', 'the wait was ended'))
    // It may have fired while the refused answer was discarded.
    if (signal?.aborted) {
      ended()
      return
    }
    const onAbort = (): void => {
      clearTimeout(timer)
      ended()
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, forMs)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
