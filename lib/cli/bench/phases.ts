import { messageOf } from '../../errors/index.ts'
import { halfLoad } from './half-load.ts'
import { loneCalls } from './lone-calls.ts'
import { type BenchOptions, operationsOf } from './options.ts'
import type { HalfLoad, LoneCall, Report, Soak } from './report.ts'
import { runRounds } from './rounds.ts'
import type { BenchServer } from './server.ts'
import { soak } from './soak.ts'
import type { Subjects } from './subjects.ts'

export interface BenchObserver {
  /** What is going on, for people. */
  note(text: string): void
}

type Results = Pick<Report, 'figures' | 'ratios' | 'memory' | 'loneCalls' | 'halfLoad' | 'soaks' | 'failure'>

/** Soak cycles are short, so that there are samples enough for a slope. */
const SOAK_TRANSACTIONS_MAX = 20_000
const MILLION = 1e6

/** Throughput of everything, then the latencies of the stores. A failure ends it, and what was measured stays. */
export async function measureRounds(
  server: BenchServer,
  subjects: Subjects,
  options: BenchOptions,
  machineCores: number,
  signal: AbortSignal,
  observer: BenchObserver,
): Promise<Results> {
  const rounds = await runRounds(server, subjects, {
    ...options,
    operations: operationsOf(options),
    machineCores,
    signal,
    advanced: (round, operation, { title }) => {
      const which = round === 0 ? 'warm-up' : `round ${round} of ${options.rounds}`
      observer.note(`${which}: ${operation}, ${title}`)
    },
  })
  const lone: LoneCall[] = []
  const half: HalfLoad[] = []
  let { failure } = rounds
  try {
    for (const pair of subjects.pairs) {
      if (signal.aborted || failure !== null) break
      if (options.loneCalls > 0) {
        observer.note(`lone calls: ${pair.store.title}`)
        for await (const each of loneCalls(pair, options.loneCalls, signal)) lone.push(each)
      }
      if (!options.halfLoad) continue
      observer.note(`half of the maximal rate: ${pair.store.title}`)
      for await (const each of halfLoad(pair, rounds.figures, lone, signal)) half.push(each)
    }
  } catch (error) {
    failure = messageOf(error)
  }
  return { ...rounds, loneCalls: lone, halfLoad: half, soaks: [], failure }
}

/** The same load for long, one store after the other. */
export async function measureSoaks(
  { pairs }: Subjects,
  options: BenchOptions,
  signal: AbortSignal,
  observer: BenchObserver,
): Promise<Results> {
  const soaks: Soak[] = []
  const operations = options.soak ?? Number.POSITIVE_INFINITY
  let failure: string | null = null
  for (const { store } of pairs) {
    if (signal.aborted || failure !== null) break
    let told = 0
    const result = await soak(store, {
      operations,
      secondsMax: options.duration ?? Number.POSITIVE_INFINITY,
      transactions: Math.min(options.transactions, SOAK_TRANSACTIONS_MAX),
      signal,
      advanced: done => {
        if (done - told < Math.min(operations / 20, MILLION)) return
        told = done
        observer.note(`soak: ${store.title}, ${done.toLocaleString('en-US')} operations`)
      },
    })
    soaks.push(result.soak)
    failure = result.failure
  }
  return { figures: [], ratios: [], memory: [], loneCalls: [], halfLoad: [], soaks, failure }
}
