import { setMaxListeners } from 'node:events'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Transaction } from 'aerospike-utxo-store'
import { assetPlugin, fetchSubtreeData, SubtreeDataService, SubtreeFolder } from 'aerospike-utxo-store/asset'
import { type FastifyInstance, fastify } from 'fastify'
import { Random } from '../histories/random.ts'
import { type Manner, type Outcome, request } from './soak-client.ts'
import { SoakSource } from './soak-source.ts'
import { type Subtree, SubtreeFixture } from './subtree-kit.ts'

// Many slow and vanishing clients on loopback until enough of everything has happened, and for as long as
// UTXO_ASSET_SOAK_SECONDS says. UTXO_ASSET_SOAK_SEED repeats the manners of the clients, though not their moments.
const SECONDS = Number(process.env.UTXO_ASSET_SOAK_SECONDS ?? 0)
const PATIENCE_SECONDS = SECONDS + 60
/** What has to happen so often, for without it the soak would show nothing. */
const ENOUGH = { refused: 40, read: 40, whole: 2, left: 8, stalled: 1 } as const
const SEED = Number(process.env.UTXO_ASSET_SOAK_SEED ?? Date.now() % 2 ** 31)

const STALL_MS = 1_000
const CREATIONS_MAX = 3
const FETCHES = 2
const CHUNK_BYTES = 1024 * 1024
const MISSING = 12
const EXISTING = 4
const CLIENTS = 24
const READERS = 4
/** 24 MB of data in each subtree: more than the sockets hold, and three of them more than the service may. */
const TRANSACTIONS = 600
const TRANSACTION_BYTES = 20_000
const REPEATS = 2
/** Existing files are smaller, so that there are many reads of them. */
const TRANSACTIONS_EXISTING = 25
/** Above what the service may hold by its bounds: the clients' own, and what the sockets hold. */
const MEMORY_BESIDE_MB = 24

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

interface Tally {
  readonly outcomes: Map<string, number>
  readonly refusalMs: number[]
  readonly readMs: number[]
  readonly failedReads: Outcome[]
  whole: number
  left: number
  stalled: number
  creationsMax: number
  memoryMb: number
}

const random = new Random(SEED)
const source = new SoakSource(random, TRANSACTIONS, TRANSACTION_BYTES)
const tally: Tally = {
  outcomes: new Map(),
  refusalMs: [],
  readMs: [],
  failedReads: [],
  whole: 0,
  left: 0,
  stalled: 0,
  creationsMax: 0,
  memoryMb: 0,
}

let folder: SubtreeFixture
let missing: Subtree[]
let existing: Subtree[]
let service: SubtreeDataService
let app: FastifyInstance
let base: string

/** A subtree for each, of the same transactions: what the service holds of them is new bytes each time. */
const add = (count: number, txs: readonly Transaction[]): Promise<Subtree[]> =>
  Promise.all(Array.from({ length: count }, () => folder.add(txs)))

beforeAll(async () => {
  folder = await SubtreeFixture.create()
  missing = await add(MISSING, Array.from({ length: REPEATS }, () => source.txs).flat())
  existing = await add(EXISTING, source.txs.slice(0, TRANSACTIONS_EXISTING))
  await Promise.all(existing.map(subtree => folder.publish(subtree)))
  service = new SubtreeDataService({
    source,
    files: await SubtreeFolder.open(folder.path),
    creationsMax: CREATIONS_MAX,
    fetchConcurrency: FETCHES,
    chunkBytesMax: CHUNK_BYTES,
    stallTimeoutMs: STALL_MS,
    closeGraceMs: 0,
  })
  app = fastify()
  await app.register(assetPlugin, { service })
  base = await app.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  await app.close()
  await folder[Symbol.asyncDispose]()
})

const urlOf = ({ root }: Subtree): string => `${base}/subtree_data/${root}`

const MANNERS = { prompt: 2, slow: 1, silent: 2, hasty: 4, fickle: 4 } as const

function mannerOf(kind: keyof typeof MANNERS): Manner {
  const patienceMs = random.below(40)
  const share = random.below(4_000_000)
  const pauseMs = 1 + random.below(3)
  let looks = 0
  switch (kind) {
    case 'prompt':
      return () => 0
    case 'slow':
      return () => pauseMs
    case 'silent':
      // It wakes up when it has been dropped, and sees it.
      return bytes => (bytes > 0 && looks++ === 0 ? 2 * STALL_MS : 0)
    case 'hasty':
      return () => (looks++ === 0 ? patienceMs : 'leave')
    case 'fickle':
      return bytes => (bytes > share ? 'leave' : 0)
  }
}

/** Asks for missing files until the end, each time in another manner; files that were built are removed again. */
async function pester(signal: AbortSignal, first?: keyof typeof MANNERS): Promise<void> {
  let next = first
  while (!signal.aborted) {
    const subtree = random.pick(missing)
    const kind = next ?? random.weighted(MANNERS)
    next = undefined
    const { status, isWhole, firstByteMs } = await request(urlOf(subtree), mannerOf(kind), signal)
    if (signal.aborted) return
    const isServed = status === 200
    if (status === 503) tally.refusalMs.push(firstByteMs)
    else if (isServed && isWhole) tally.whole += 1
    else if (kind === 'silent') tally.stalled += 1
    else if (kind === 'hasty' || kind === 'fickle') tally.left += 1
    count(isServed ? `${kind} ${isWhole ? 'whole' : 'part'}` : `${kind} ${status}`)
    if (isWhole && isServed) await rm(join(folder.path, `${subtree.root}.subtreeData`), { force: true })
    // A peer that was refused does not come back at once.
    if (status === 503) await pause(20)
  }
}

/** Reads existing files until the end; each has to be served, whole. */
async function readOn(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const outcome = await request(urlOf(random.pick(existing)), () => 0, signal)
    if (signal.aborted) return
    tally.readMs.push(outcome.firstByteMs)
    if (outcome.status !== 200 || !outcome.isWhole) tally.failedReads.push(outcome)
    await pause(10)
  }
}

async function watch(signal: AbortSignal): Promise<void> {
  const memory = (): number => {
    // What the first finds is given back by the second: buffers are freed on a thread beside.
    collectGarbage()
    collectGarbage()
    const { heapUsed, external } = process.memoryUsage()
    return (heapUsed + external) / 1_048_576
  }
  const before = memory()
  while (!signal.aborted) {
    await pause(200)
    tally.creationsMax = Math.max(tally.creationsMax, service.load.creations)
    tally.memoryMb = Math.max(tally.memoryMb, memory() - before)
  }
}

function count(what: string): void {
  tally.outcomes.set(what, (tally.outcomes.get(what) ?? 0) + 1)
}

const largest = (numbers: readonly number[]): number => numbers.reduce((a, b) => Math.max(a, b), 0)

describe(`a soak with ${CLIENTS} slow and vanishing clients, seed ${SEED}`, () => {
  it(
    'bounds creations and memory, refuses the rest, serves every existing file, and leaves nothing behind',
    async () => {
      const over = new AbortController()
      setMaxListeners(0, over.signal)
      const clients = [
        watch(over.signal),
        // The first to come is served.
        pester(over.signal, 'silent'),
        ...Array.from({ length: CLIENTS }, () => pester(over.signal)),
        ...Array.from({ length: READERS }, () => readOn(over.signal)),
      ]
      try {
        await Promise.race([enough(), ...clients])
      } finally {
        over.abort()
      }
      await Promise.all(clients)
      if (process.env.UTXO_ASSET_SOAK_SECONDS !== undefined)
        process.stderr.write(`${JSON.stringify(figures(), null, 2)}\n`)

      expect(tally.creationsMax).toBeLessThanOrEqual(CREATIONS_MAX)
      expect(source.inFlightMax).toBeLessThanOrEqual(CREATIONS_MAX * FETCHES)
      const heldMb = (CREATIONS_MAX * (2 * FETCHES + 1) * CHUNK_BYTES) / 1_048_576
      expect(tally.memoryMb).toBeLessThan(heldMb + MEMORY_BESIDE_MB)
      expect(tally.failedReads).toEqual([])
      for (const [what, least] of Object.entries(ENOUGH))
        expect({ [what]: happened()[what as keyof typeof ENOUGH] >= least }).toEqual({ [what]: true })

      await expectIdle()
      const [subtree] = missing as [Subtree]
      const body = await fetchSubtreeData(base, subtree.root)
      expect(Buffer.from(await new Response(body).arrayBuffer()).equals(subtree.data())).toBe(true)
    },
    (PATIENCE_SECONDS + 60) * 1_000,
  )
})

function happened(): Record<keyof typeof ENOUGH, number> {
  const { refusalMs, readMs, whole, left, stalled } = tally
  return { refused: refusalMs.length, read: readMs.length, whole, left, stalled }
}

/** Resolves when there was enough of everything, or there will not be. */
async function enough(): Promise<void> {
  const startedMs = performance.now()
  for (;;) {
    await pause(50)
    const seconds = (performance.now() - startedMs) / 1_000
    const counts = Object.entries(happened()) as [keyof typeof ENOUGH, number][]
    const isEnough = counts.every(([what, times]) => times >= ENOUGH[what])
    if (seconds > PATIENCE_SECONDS || (isEnough && seconds >= SECONDS)) return
  }
}

async function expectIdle(): Promise<void> {
  const partial = async (): Promise<string[]> =>
    (await readdir(folder.path)).filter(name => name.endsWith('.tmp'))
  const idle = { creations: 0, readers: 0, waitingReaders: 0 }
  const deadline = performance.now() + 20_000
  while (JSON.stringify(service.load) !== JSON.stringify(idle) || (await partial()).length > 0) {
    if (performance.now() > deadline) break
    await pause(10)
  }
  expect([service.load, await partial(), source.inFlight]).toEqual([idle, [], 0])
}

function figures(): object {
  return {
    seed: SEED,
    happened: happened(),
    outcomes: Object.fromEntries([...tally.outcomes].sort()),
    creationsMax: tally.creationsMax,
    readsOfTheStoreMax: source.inFlightMax,
    memoryMb: tally.memoryMb,
    refusals: tally.refusalMs.length,
    refusalMsMax: largest(tally.refusalMs),
    existingServed: tally.readMs.length,
    existingFirstByteMsMax: largest(tally.readMs),
  }
}
