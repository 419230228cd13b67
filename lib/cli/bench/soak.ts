import { messageOf } from '../../errors/index.ts'
import type { Soak, SoakSample } from './report.ts'
import { slope } from './statistics.ts'
import { SOAK_CYCLE } from './subject.ts'
import type { Worker } from './workers.ts'

export interface SoakOptions {
  /** Calls in all, those of a list counted by its members; rounded up to whole transactions. */
  readonly operations: number
  /** Ends the cycle in progress, too. At most what a timer can wait, or infinity. */
  readonly secondsMax: number
  /** Transactions of one cycle at the most; their records are removed at its end, so that the server does not fill up. */
  readonly transactions: number
  readonly signal: AbortSignal
  advanced(operations: number): void
}

/** The beginning, in which caches fill and code is compiled, says nothing of growth. */
const SETTLING_SHARE = 0.2
const MILLION = 1e6

/** Calls a store for long, always on transactions that it has not seen, and samples memory after each cycle. */
export async function soak(
  { subject, process }: Worker,
  options: SoakOptions,
): Promise<{ soak: Soak; failure: string | null }> {
  const { transactions, secondsMax, signal } = options
  const samples: SoakSample[] = []
  const startedAtMs = performance.now()
  const secondsSoFar = (): number => (performance.now() - startedAtMs) / 1_000
  let operations = 0
  let failure: string | null = null
  let isTimeUp = false
  // Nothing else is asked of the process afterwards.
  const end = (): void => {
    isTimeUp = true
    process.stop()
  }
  const timer = Number.isFinite(secondsMax) ? setTimeout(end, secondsMax * 1_000) : undefined
  while (failure === null && operations < options.operations && !isTimeUp && !signal.aborted) {
    const transactionsLeft = Math.ceil((options.operations - operations) / SOAK_CYCLE.length)
    const cycle = { transactions: Math.min(transactions, transactionsLeft) }
    try {
      operations += await process.request('soak', cycle)
      const memory = await process.request('memory', null)
      samples.push({ operations, seconds: secondsSoFar(), ...memory })
    } catch (error) {
      failure = messageOf(error)
    }
    options.advanced(operations)
  }
  clearTimeout(timer)
  const settled = samples.slice(Math.floor(samples.length * SETTLING_SHARE))
  const slopeOf = (bytes: (sample: SoakSample) => number): number | null =>
    slope(settled.map(each => ({ x: each.operations / MILLION, y: bytes(each) })))
  const seconds = secondsSoFar()
  const result = {
    subject: subject.id,
    operations,
    seconds,
    operationsPerSecond: operations / seconds,
    samples,
    heapSlopeBytesPerMillion: slopeOf(({ heapUsedBytes }) => heapUsedBytes),
    rssSlopeBytesPerMillion: slopeOf(({ rssBytes }) => rssBytes),
  }
  return { soak: result, failure }
}
