import { messageOf } from '../../errors/index.ts'
import { collectGarbage } from './garbage.ts'
import { measure } from './measure.ts'
import type { OperationName, Soak, SoakSample } from './report.ts'
import { slope } from './statistics.ts'
import type { StoreSubject } from './store-subject.ts'
import { roundTransactions } from './transactions.ts'

export interface SoakOptions {
  /** Calls in all, those of a list counted by its members. */
  readonly operations: number
  readonly secondsMax: number
  /** Transactions of one cycle; their records are removed at its end, so that the server does not fill up. */
  readonly transactions: number
  readonly signal: AbortSignal
  advanced(operations: number): void
}

const CYCLE = ['create', 'get', 'spend', 'setMined'] as const satisfies readonly OperationName[]

/** The beginning, in which caches fill and code is compiled, says nothing of growth. */
const SETTLING_SHARE = 0.2
const MILLION = 1e6

/** Calls a store for long, always on transactions that it has not seen, and samples memory after each cycle. */
export async function soak(
  store: StoreSubject,
  options: SoakOptions,
): Promise<{ soak: Soak; failure: string | null }> {
  const { secondsMax, signal } = options
  const samples: SoakSample[] = []
  const startedAtMs = performance.now()
  const secondsSoFar = (): number => (performance.now() - startedAtMs) / 1_000
  let operations = 0
  let failure: string | null = null
  while (
    failure === null &&
    operations < options.operations &&
    secondsSoFar() < secondsMax &&
    !signal.aborted
  ) {
    try {
      operations += await cycle(store, options)
    } catch (error) {
      failure = messageOf(error)
    }
    samples.push(sample(operations, secondsSoFar()))
    options.advanced(operations)
  }
  const settled = samples.slice(Math.floor(samples.length * SETTLING_SHARE))
  const slopeOf = (bytes: (sample: SoakSample) => number): number | null =>
    slope(settled.map(each => ({ x: each.operations / MILLION, y: bytes(each) })))
  const seconds = secondsSoFar()
  const result = {
    subject: store.id,
    operations,
    seconds,
    operationsPerSecond: operations / seconds,
    samples,
    heapSlopeBytesPerMillion: slopeOf(({ heapUsedBytes }) => heapUsedBytes),
    rssSlopeBytesPerMillion: slopeOf(({ rssBytes }) => rssBytes),
  }
  return { soak: result, failure }
}

/** In a function of its own, so that nothing of a cycle is held when memory is sampled. */
async function cycle(store: StoreSubject, { transactions: count, signal }: SoakOptions): Promise<number> {
  const transactions = roundTransactions(count)
  let operations = 0
  try {
    for (const operation of CYCLE) {
      const work = store.work(operation, transactions)
      if ((await measure(work, undefined, signal)) === undefined) break
      operations += work.records
    }
  } finally {
    await store.clear(transactions)
  }
  return operations
}

function sample(operations: number, seconds: number): SoakSample {
  collectGarbage()
  const { heapUsed, rss } = process.memoryUsage()
  return { operations, seconds, heapUsedBytes: heapUsed, rssBytes: rss }
}
