import { txidFromHex, txidToHex } from '../bitcoin/index.ts'
import { StoreError } from '../errors/index.ts'
import { type FetchWhenAvailableOptions, fetchWhenAvailable } from './fetch-when-available.ts'

/**
 * Fetches a subtree's data from a peer's asset service, waiting for its turn where the peer is at its capacity. The
 * body is the transactions' standard encodings, one after the other; it fails when the peer breaks off, and what was
 * read until then is no subtree.
 *
 * Throws as `fetchWhenAvailable`, `NOT_FOUND` where the peer does not have the subtree, and `ERROR` for any other
 * answer but 200.
 *
 * @param baseUrl the peer's address with the prefix of its API, such as `http://peer:8090/api/v1`
 * @param root the subtree's root, 64 hex characters in display order
 */
export async function fetchSubtreeData(
  baseUrl: string,
  root: string,
  options: FetchWhenAvailableOptions = {},
): Promise<ReadableStream<Uint8Array>> {
  const name = txidToHex(txidFromHex(root, 'subtree root'))
  const url = `${baseUrl.replace(/\/+$/, '')}/subtree_data/${name}`
  const response = await fetchWhenAvailable(url, options)
  if (response.status === 200 && response.body !== null) return response.body
  await response.body?.cancel().catch(() => {})
  if (response.status === 404) throw new StoreError('NOT_FOUND', `${url}: the peer does not have it`)
  throw new StoreError('ERROR', `${url} answered ${response.status}`)
}
