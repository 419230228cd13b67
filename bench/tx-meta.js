// The tx-meta cache beside a Map and lru-cache: `npm run --silent build && node --expose-gc bench/tx-meta.js [entries]`.
// `lru-cache` is measured where it is installed. Rates are told by the clock, by CPU time (that of the collector's threads
// included), and of the fastest tenth of the slices, which is what the machine gives when other programs leave it alone.
// At ten million entries a look-up mostly waits for memory.
//
// Pauses are told twice: the longest thousand of calls in a row, and the longest call of the first million into a new
// cache. What the system gave to other programs meanwhile is not counted. The first thousands are the slowest: their
// code is not compiled yet, and each call is the first to touch some pages of the memory.

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
  const heapAfter = process.memoryUsage().heapUsed
  results[name] = {
    sets,
    gets: { ...gets, hits },
    setsAgain: more,
    heapGrowthMegabytes: Math.round((heapAfter - heapBefore) / 1_048_576),
    rssMegabytes: Math.round(process.memoryUsage().rss / 1_048_576),
    longestCollectionMs: Math.round(collectionMs * 10) / 10,
    longestSet: await longestCall(create().set),
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
    const ids = sliceOf(from)
    const waitedFrom = waitedMs()
    const cpuFrom = process.cpuUsage()
    const sliceFrom = performance.now()
    work(ids)
    const ms = performance.now() - sliceFrom
    slicesMs.push(ms)
    cpu += cpuMs(cpuFrom)
    longest = Math.max(longest, ms - (waitedMs() - waitedFrom))
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

/** Of the slices in which nobody else ran: within the others it cannot be told which call had to wait. */
async function longestCall(call) {
  let longest = 0
  let slicesLeftOut = 0
  const { minorPageFault: faultsBefore } = process.resourceUsage()
  let faultsOfFirst
  for (let from = 0; from < Math.min(ENTRIES, 1_000_000); from += 1_000) {
    const ids = sliceOf(from)
    const waitedFrom = waitedMs()
    let longestOfSlice = 0
    for (const txid of ids) {
      const callFrom = performance.now()
      call(txid)
      longestOfSlice = Math.max(longestOfSlice, performance.now() - callFrom)
    }
    faultsOfFirst ??= process.resourceUsage().minorPageFault - faultsBefore
    if (waitedMs() === waitedFrom) longest = Math.max(longest, longestOfSlice)
    else slicesLeftOut += 1
    await new Promise(resolve => setImmediate(resolve))
  }
  return { ms: Math.round(longest * 100) / 100, slicesLeftOut, pageFaultsOfFirstThousand: faultsOfFirst }
}

function sliceOf(from) {
  return Array.from({ length: Math.min(1_000, ENTRIES - from) }, (_, index) => txidAt(from + index))
}

function cpuMs(since) {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1_000
}

/** How long this thread has waited in all for others to leave the processor. Only Linux tells; zero elsewhere. */
function waitedMs() {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[1]) / 1e6
  } catch {
    return 0
  }
}
