// The tx-meta cache beside a Map and lru-cache: `npm run --silent build && node --expose-gc bench/tx-meta.js [entries]`.
// `lru-cache` is measured where it is installed. Rates are told by the clock, by CPU time (that of the collector's threads
// included), and of the fastest tenth of the slices, which is what the machine gives when other programs leave it alone.
// At ten million entries a look-up mostly waits for memory.

import { randomFillSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { constants, PerformanceObserver, performance } from 'node:perf_hooks'
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
  let collectionMs = 0
  const observer = new PerformanceObserver(list => {
    for (const { duration, detail } of list.getEntries())
      if ((detail.flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) === 0)
        collectionMs = Math.max(collectionMs, duration)
  })
  observer.observe({ entryTypes: ['gc'] })
  const heapBefore = process.memoryUsage().heapUsed
  const cache = create()
  const setAll = ids => {
    for (const txid of ids) cache.set(txid)
  }
  const sets = await timed(setAll)
  let hits = 0
  const gets = await timed(ids => {
    for (const txid of ids) if (cache.get(txid) !== undefined) hits += 1
  })
  // What it costs to fill it again when it is full, and each entry has to make room.
  const more = await timed(setAll)
  globalThis.gc?.()
  await new Promise(resolve => setTimeout(resolve, 50))
  observer.disconnect()
  results[name] = {
    sets,
    gets: { ...gets, hits },
    setsAgain: more,
    heapGrowthMegabytes: Math.round((process.memoryUsage().heapUsed - heapBefore) / 1_048_576),
    rssMegabytes: Math.round(process.memoryUsage().rss / 1_048_576),
    longestCollectionMs: Math.round(collectionMs * 10) / 10,
  }
}
console.log(
  JSON.stringify({ entries: ENTRIES, valueBytes: VALUE_BYTES, megabytes: MEGABYTES, results }, null, 2),
)

/** In slices of a thousand with a turn of the event loop in between; what makes the txids is not counted. */
async function timed(work) {
  const slicesMs = []
  let cpu = 0
  let longest = 0
  for (let from = 0; from < ENTRIES; from += 1_000) {
    const ids = Array.from({ length: Math.min(1_000, ENTRIES - from) }, (_, index) => txidAt(from + index))
    const threadFrom = threadMs()
    const cpuFrom = process.cpuUsage()
    const sliceFrom = performance.now()
    work(ids)
    slicesMs.push(performance.now() - sliceFrom)
    cpu += cpuMs(cpuFrom)
    longest = Math.max(longest, threadMs() - threadFrom)
    await new Promise(resolve => setImmediate(resolve))
  }
  const ms = slicesMs.reduce((sum, slice) => sum + slice, 0)
  slicesMs.sort((a, b) => a - b)
  return {
    perSecond: Math.round(ENTRIES / (ms / 1_000)),
    perCpuSecond: Math.round(ENTRIES / (cpu / 1_000)),
    fastestTenthPerSecond: Math.round(1_000_000 / slicesMs[Math.floor(slicesMs.length / 10)]),
    longestThousandMs: Math.round(longest * 10) / 10,
  }
}

function cpuMs(since) {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1_000
}

/**
 * What this thread has worked in all, in steps of a few milliseconds: a pause that other programs cause does not
 * count. Elsewhere than on Linux, by the clock.
 */
function threadMs() {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[0]) / 1e6
  } catch {
    return performance.now()
  }
}
