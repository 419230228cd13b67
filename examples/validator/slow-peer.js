import { setTimeout as pause } from 'node:timers/promises'
import { StoreError } from 'aerospike-utxo-store'
import { fetchSubtreeData } from 'aerospike-utxo-store/asset'

const SLOW_MS = 2
const ASK_AGAIN_MS = 100

/**
 * A peer that takes its time, and asks again where the validator is not there, does not have the subtree yet, or
 * goes in the middle of it.
 *
 * @param {() => string | undefined} baseUrl
 * @param {{ name: string, data: Buffer }} subtree
 * @param {AbortSignal} signal
 */
export async function fetchSlowly(baseUrl, { name, data }, signal) {
  for (;;) {
    const url = baseUrl()
    const fetched = url === undefined ? undefined : await fetchOnce(url, name, signal)
    if (fetched?.equals(data)) return
    if (fetched !== undefined) throw new Error(`a peer got another subtree than ${name}`)
    await pause(ASK_AGAIN_MS, undefined, { signal })
  }
}

/**
 * @param {string} url
 * @param {string} name
 * @param {AbortSignal} signal
 */
async function fetchOnce(url, name, signal) {
  try {
    const pieces = []
    for await (const piece of await fetchSubtreeData(url, name, { signal })) {
      pieces.push(piece)
      await pause(SLOW_MS, undefined, { signal })
    }
    return Buffer.concat(pieces)
  } catch (error) {
    // A connection that breaks off is a TypeError of fetch: what was read until then is no subtree.
    if (signal.aborted || !(error instanceof StoreError || error instanceof TypeError)) throw error
    return undefined
  }
}
