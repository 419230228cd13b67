// The tx-meta cache beside a Map and lru-cache: `npm run --silent build && node --expose-gc bench/tx-meta.js [entries]`.
// `lru-cache` is measured where it is installed.

import { randomFillSync } from 'node:crypto'
import { monitorEventLoopDelay, PerformanceObserver, performance } from 'node:perf_hooks'
import { FlatCache } from 'aerospike-utxo-store/tx-meta'

const ENTRIES = Number(process.argv[2] ?? 10_000_000)
const VALUE_BYTES = 100
const MEGABYTES = Math.ceil((ENTRIES * 160) / 1_048_576)

const txids = new Uint8Array(ENTRIES * 32)
for (let at = 0; at < txids.length; at += 65_536)
  randomFillSync(txids, at, Math.min(65_536, txids.length - at))
const txidAt = index => txids.subarray(index * 32, index * 32 + 32)
const value = new Uint8Array(VALUE_BYTES).fill(7)

const { LRUCache } = await import('lru-cache').catch(() => ({}))
const subjects = {
  'tx-meta cache': () => {
    const cache = new FlatCache(MEGABYTES)
    return { set: txid => cache.set(txid, value, 1), get: txid => cache.get(txid) }
  },
  Map: () => {
    const map = new Map()
    return {
      set: txid => map.set(Buffer.from(txid.buffer, txid.byteOffset, 32).toString('latin1'), value.slice()),
      get: txid => map.get(Buffer.from(txid.buffer, txid.byteOffset, 32).toString('latin1')),
    }
  },
  ...(LRUCache && {
    'lru-cache': () => {
      const cache = new LRUCache({ max: ENTRIES })
      return {
        set: txid =>
          cache.set(Buffer.from(txid.buffer, txid.byteOffset, 32).toString('latin1'), value.slice()),
        get: txid => cache.get(Buffer.from(txid.buffer, txid.byteOffset, 32).toString('latin1')),
      }
    },
  }),
}
const only = process.argv[3]
const results = {}
for (const [name, create] of Object.entries(subjects)) {
  if (only !== undefined && only !== name) continue
  globalThis.gc?.()
  let pauseMs = 0
  const observer = new PerformanceObserver(list => {
    for (const entry of list.getEntries()) pauseMs = Math.max(pauseMs, entry.duration)
  })
  observer.observe({ entryTypes: ['gc'] })
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const heapBefore = process.memoryUsage().heapUsed
  const cache = create()
  const sets = await timed(index => cache.set(txidAt(index)))
  let hits = 0
  delay.enable()
  const gets = await timed(index => {
    if (cache.get(txidAt(index)) !== undefined) hits += 1
  })
  delay.disable()
  globalThis.gc?.()
  await new Promise(resolve => setTimeout(resolve, 50))
  observer.disconnect()
  results[name] = {
    setsPerSecond: Math.round(sets),
    hitsPerSecond: Math.round(gets),
    hits,
    heapGrowthMegabytes: Math.round((process.memoryUsage().heapUsed - heapBefore) / 1_048_576),
    rssMegabytes: Math.round(process.memoryUsage().rss / 1_048_576),
    longestCollectionMs: Math.round(pauseMs * 10) / 10,
    eventLoopDelayMaxMs: Math.round(delay.max / 1e5) / 10,
  }
}
console.log(
  JSON.stringify({ entries: ENTRIES, valueBytes: VALUE_BYTES, megabytes: MEGABYTES, results }, null, 2),
)

/** Operations a second, in slices of a thousand with a turn of the event loop in between. */
async function timed(work) {
  const from = performance.now()
  for (let index = 0; index < ENTRIES; index++) {
    work(index)
    if (index % 1_000 === 0) await new Promise(resolve => setImmediate(resolve))
  }
  return ENTRIES / ((performance.now() - from) / 1_000)
}
