import { messageOf } from '../../errors/index.ts'
import { type BenchOptions, operationsOf } from './options.ts'
import type { Figure, HalfLoad, LoneCall, OperationName, Report, Soak } from './report.ts'
import { runRounds } from './rounds.ts'
import type { BenchServer } from './server.ts'
import { soak } from './soak.ts'
import type { Worker } from './workers.ts'

export interface BenchObserver {
  /** What is going on, for people. */
  note(text: string): void
}

type Results = Pick<Report, 'figures' | 'ratios' | 'memory' | 'loneCalls' | 'halfLoad' | 'soaks' | 'failure'>

/** Operations of single calls. */
const HALF_LOAD_OPERATIONS: readonly OperationName[] = ['create', 'get', 'previousOutputsDecorate', 'spend']
/** Calls arrive for so long, as far as there are transactions: so many times those of a round. */
const HALF_LOAD_SECONDS_MAX = 5
const HALF_LOAD_ROUNDS_MAX = 4
/** Soak cycles are short, so that there are samples enough for a slope. */
const SOAK_TRANSACTIONS_MAX = 20_000
const MILLION = 1e6

/** Throughput of everything, then the latencies of the stores. A failure ends it, and what was measured stays. */
export async function measureRounds(
  server: BenchServer,
  workers: readonly Worker[],
  options: BenchOptions,
  machineCores: number,
  signal: AbortSignal,
  observer: BenchObserver,
): Promise<Results> {
  const rounds = await runRounds(server, workers, {
    ...options,
    operations: operationsOf(options),
    machineCores,
    signal,
    advanced: (round, operation, { subject }) => {
      const { warmUp } = options
      const which =
        round < 1 ? `warm-up ${round + warmUp} of ${warmUp}` : `round ${round} of ${options.rounds}`
      observer.note(`${which}: ${operation}, ${subject.title}`)
    },
  })
  const lone: LoneCall[] = []
  const half: HalfLoad[] = []
  let { failure } = rounds
  try {
    for (const { subject, process } of storesOf(workers)) {
      if (signal.aborted || failure !== null) break
      if (options.loneCalls > 0) {
        observer.note(`lone calls: ${subject.title}`)
        lone.push(...(await process.request('loneCalls', { calls: options.loneCalls })))
      }
      if (!options.halfLoad) continue
      for (const load of halfLoadsOf(subject.id, rounds.figures)) {
        if (signal.aborted) break
        observer.note(`half of the maximal rate: ${load.operation}, ${subject.title}`)
        half.push(...[await process.request('halfLoad', load)].flatMap(result => result ?? []))
      }
    }
  } catch (error) {
    failure = messageOf(error)
  }
  return { ...rounds, loneCalls: lone, halfLoad: half, soaks: [], failure }
}

function halfLoadsOf(
  subject: string,
  figures: readonly Figure[],
): { operation: OperationName; callsPerSecond: number; calls: number }[] {
  return figures
    .filter(each => each.subject === subject && HALF_LOAD_OPERATIONS.includes(each.operation))
    .map(({ operation, recordsPerSecond, records }) => {
      const callsPerSecond = recordsPerSecond.median / 2
      const calls = Math.min(
        records * HALF_LOAD_ROUNDS_MAX,
        Math.ceil(callsPerSecond * HALF_LOAD_SECONDS_MAX),
      )
      return { operation, callsPerSecond, calls }
    })
}

/** The same load for long, one store after the other. */
export async function measureSoaks(
  workers: readonly Worker[],
  options: BenchOptions,
  signal: AbortSignal,
  observer: BenchObserver,
): Promise<Results> {
  const soaks: Soak[] = []
  const operations = options.soak ?? Number.POSITIVE_INFINITY
  let failure: string | null = null
  for (const worker of storesOf(workers)) {
    if (signal.aborted || failure !== null) break
    let told = 0
    const result = await soak(worker, {
      operations,
      secondsMax: options.duration ?? Number.POSITIVE_INFINITY,
      transactions: Math.min(options.transactions, SOAK_TRANSACTIONS_MAX),
      signal,
      advanced: done => {
        if (done - told < Math.min(operations / 20, MILLION)) return
        told = done
        observer.note(`soak: ${worker.subject.title}, ${done.toLocaleString('en-US')} operations`)
      },
    })
    soaks.push(result.soak)
    failure = result.failure
  }
  return { figures: [], ratios: [], memory: [], loneCalls: [], halfLoad: [], soaks, failure }
}

function storesOf(workers: readonly Worker[]): readonly Worker[] {
  return workers.filter(({ subject }) => subject.kind === 'store')
}
