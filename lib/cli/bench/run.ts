import { createRequire } from 'node:module'
import { cpus, platform, release, totalmem } from 'node:os'
import { resolveSettings } from '../../settings/index.ts'
import { halfLoad } from './half-load.ts'
import { loneCalls } from './lone-calls.ts'
import { type BenchOptions, operationsOf, settingsOf } from './options.ts'
import { type HalfLoad, type LoneCall, REPORT_SCHEMA_VERSION, type Report, type Soak } from './report.ts'
import { type RoundsResult, runRounds } from './rounds.ts'
import { type BenchServer, benchServer } from './server.ts'
import { soak } from './soak.ts'
import { openSubjects, type Subjects } from './subjects.ts'

export interface BenchObserver {
  /** What is going on, for people. */
  note(text: string): void
}

/** Soak cycles are short, so that there are samples enough for a slope. */
const SOAK_TRANSACTIONS_MAX = 20_000

const NO_ROUNDS: RoundsResult = { figures: [], ratios: [], memory: [] }

/** Measures as the options say, and reports. When the signal fires it ends soon and reports what there is. */
export async function runBench(
  options: BenchOptions,
  signal: AbortSignal,
  observer: BenchObserver,
): Promise<Report> {
  const startedAt = new Date()
  const operations = operationsOf(options)
  const settings = settingsOf(options)
  resolveSettings(settings)
  const machineCores = cpus().length
  const server = await benchServer(options.store, machineCores)
  let subjects: Subjects | undefined
  try {
    subjects = await openSubjects(server, options, settings)
    for (const { subject, reason } of subjects.unavailable)
      observer.note(`not measured: ${subject}: ${reason}`)
    const isSoak = options.soak !== undefined || options.duration !== undefined
    const rounds = isSoak
      ? NO_ROUNDS
      : await runRounds(server, subjects, {
          ...options,
          operations,
          machineCores,
          signal,
          advanced: (round, operation, { title }) =>
            observer.note(
              `${round === 0 ? 'warm-up' : `round ${round} of ${options.rounds}`}: ${operation}, ${title}`,
            ),
        })
    const latencies = isSoak ? NO_LATENCIES : await runLatencies(subjects, rounds, options, signal, observer)
    const soaks = isSoak ? await runSoaks(subjects, options, signal, observer) : []
    return {
      schemaVersion: REPORT_SCHEMA_VERSION,
      package: packageName(),
      startedAt: startedAt.toISOString(),
      seconds: (Date.now() - startedAt.getTime()) / 1_000,
      interrupted: signal.aborted,
      machine: machine(machineCores),
      server: { url: urlShown(server, options), kind: server.kind, process: server.process?.id ?? null },
      parameters: {
        transactions: options.transactions,
        rounds: options.rounds,
        concurrency: options.concurrency,
        batchSize: options.batchSize,
        lingerMs: options.linger,
        settings,
      },
      subjects: describe(subjects),
      unavailable: subjects.unavailable,
      ...rounds,
      ...latencies,
      soaks,
    }
  } finally {
    await subjects?.close()
    await server.close()
  }
}

const NO_LATENCIES = { loneCalls: [], halfLoad: [] }

async function runLatencies(
  { pairs }: Subjects,
  { figures }: RoundsResult,
  options: BenchOptions,
  signal: AbortSignal,
  observer: BenchObserver,
): Promise<{ loneCalls: readonly LoneCall[]; halfLoad: readonly HalfLoad[] }> {
  const lone: LoneCall[] = []
  const half: HalfLoad[] = []
  for (const pair of pairs) {
    if (signal.aborted) break
    if (options.loneCalls > 0) {
      observer.note(`lone calls: ${pair.store.title}`)
      lone.push(...(await loneCalls(pair, options.loneCalls, signal)))
    }
    if (options.halfLoad) {
      observer.note(`half of the maximal rate: ${pair.store.title}`)
      half.push(...(await halfLoad(pair, figures, lone, signal)))
    }
  }
  return { loneCalls: lone, halfLoad: half }
}

async function runSoaks(
  { pairs }: Subjects,
  options: BenchOptions,
  signal: AbortSignal,
  observer: BenchObserver,
): Promise<Soak[]> {
  const soaks: Soak[] = []
  const total = options.soak ?? Number.POSITIVE_INFINITY
  for (const { store } of pairs) {
    if (signal.aborted) break
    let told = 0
    const result = await soak(store, {
      operations: total,
      secondsMax: options.duration ?? Number.POSITIVE_INFINITY,
      transactions: Math.min(options.transactions, SOAK_TRANSACTIONS_MAX),
      signal,
      advanced: operations => {
        if (operations - told < total / 20 && operations - told < 1e6) return
        told = operations
        observer.note(`soak of ${store.title}: ${operations.toLocaleString('en-US')} operations`)
      },
    })
    soaks.push(result)
  }
  return soaks
}

function describe({ pairs, yardsticks }: Subjects): Report['subjects'] {
  return [...pairs.flatMap(({ store, bare }) => [store, bare]), ...yardsticks].map(
    ({ id, title, kind, transport }) => ({ id, title, kind, transport }),
  )
}

function urlShown(server: BenchServer, { store }: BenchOptions): string {
  return server.kind === 'embedded' ? store : server.storeUrl(server.set, {}).replace(/\?.*/, '')
}

function machine(cores: number): Report['machine'] {
  return {
    node: process.version,
    platform: `${platform()} ${release()}`,
    processor: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores,
    memoryGiB: totalmem() / 2 ** 30,
  }
}

function packageName(): string {
  const { name, version } = createRequire(import.meta.url)('../../../package.json') as Record<string, string>
  return `${name} ${version}`
}
