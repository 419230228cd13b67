import { messageOf, StoreError } from '../../errors/index.ts'
import { UsageError } from '../failure.ts'
import { parseExposition, type Readings } from './exposition.ts'

/** What every open store shows, also before its first call. */
const OF_A_STORE = /^utxo_store_/
const SCRAPE_MS_MAX = 10_000

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
export async function readMetrics(url: URL, signal: AbortSignal): Promise<Readings> {
  const text = await fetchText(url, signal)
  const readings = parseExposition(text)
  if (![...readings.keys()].some(name => OF_A_STORE.test(name)))
    throw new StoreError(
      'PROCESSING',
      `${url.href} shows no metrics of a store: give its registry to UtxoStore.open as metrics`,
    )
  return readings
}

async function fetchText(url: URL, signal: AbortSignal): Promise<string> {
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(SCRAPE_MS_MAX)])
  let answer: Response
  try {
    answer = await fetch(url, { signal: bounded, headers: { accept: 'text/plain;version=0.0.4' } })
    if (answer.ok) return await answer.text()
  } catch (error) {
    // What the reason is, fetch keeps in the cause.
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
    throw new StoreError('STORAGE_UNAVAILABLE', `${url.href} cannot be read: ${messageOf(cause)}`, {
      cause: error,
    })
  }
  throw new StoreError('STORAGE_UNAVAILABLE', `${url.href} answers with status ${answer.status}`)
}
