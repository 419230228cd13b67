import { messageOf, StoreError } from '../../errors/index.ts'
import { UsageError } from '../failure.ts'
import { parseExposition, type Readings } from './exposition.ts'

/** What every open store shows, also before its first call. */
const OF_A_STORE = /^utxo_store_/
const SCRAPE_MS_MAX = 10_000
/** Far more than a registry shows: what never ends must not fill the memory. */
const EXPOSITION_BYTES_MAX = 64 * 1_048_576

/** Throws `UsageError` for what is no address of a metrics endpoint. */
export function endpointUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new UsageError(
      `the address of the metrics must be of the form http://host:port/metrics, not ${text}`,
    )
  return url
}

/** Reads the endpoint once. Throws `STORAGE_UNAVAILABLE` where it cannot, `PROCESSING` where it shows no store. */
export async function readMetrics(
  url: URL,
  signal: AbortSignal,
  timeoutMs = SCRAPE_MS_MAX,
): Promise<Readings> {
  const text = await fetchText(url, signal, timeoutMs)
  const readings = parseExposition(text)
  if (![...readings.keys()].some(name => OF_A_STORE.test(name)))
    throw new StoreError(
      'PROCESSING',
      `${url.href} shows no metrics of a store: give its registry to UtxoStore.open as metrics`,
    )
  return readings
}

async function fetchText(url: URL, signal: AbortSignal, timeoutMs: number): Promise<string> {
  // A timer of its own: Node 20 forgets an `AbortSignal.timeout` that is only part of `AbortSignal.any`.
  const bounded = new AbortController()
  const timer = setTimeout(() => bounded.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
  const onAbort = (): void => bounded.abort(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    const answer = await fetch(url, {
      signal: bounded.signal,
      headers: { accept: 'text/plain;version=0.0.4' },
    })
    if (!answer.ok) throw new Error(`status ${answer.status}`)
    return await wholeText(answer)
  } catch (error) {
    // What the reason is, fetch keeps in the cause.
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
    throw new StoreError('STORAGE_UNAVAILABLE', `${url.href} cannot be read: ${messageOf(cause)}`, {
      cause: error,
    })
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
    // An answer that nobody reads to its end.
    bounded.abort()
  }
}

async function wholeText(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.length
    if (bytes > EXPOSITION_BYTES_MAX) throw new Error(`more than ${EXPOSITION_BYTES_MAX} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
