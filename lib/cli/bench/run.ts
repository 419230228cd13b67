import { createRequire } from 'node:module'
import { cpus, platform, release, totalmem } from 'node:os'
import { resolveSettings } from '../../settings/index.ts'
import { type BenchOptions, operationsOf, settingsOf, transportsOf } from './options.ts'
import { type BenchObserver, measureRounds, measureSoaks } from './phases.ts'
import { REPORT_SCHEMA_VERSION, type Report } from './report.ts'
import { type BenchServer, benchServer } from './server.ts'
import { openSubjects, type Subjects } from './subjects.ts'

/** Measures as the options say, and reports. When the signal fires it ends soon and reports what there is. */
export async function runBench(
  options: BenchOptions,
  signal: AbortSignal,
  observer: BenchObserver,
): Promise<Report> {
  const startedAt = new Date()
  const settings = settingsOf(options)
  // Wrong usage is told before a server is started.
  resolveSettings(settings)
  operationsOf(options)
  transportsOf(options)
  const machineCores = cpus().length
  const server = await benchServer(options.store, machineCores)
  let subjects: Subjects | undefined
  try {
    subjects = await openSubjects(server, options, settings)
    for (const { subject, reason } of subjects.unavailable)
      observer.note(`not measured: ${subject}: ${reason}`)
    const results =
      options.soak === undefined && options.duration === undefined
        ? await measureRounds(server, subjects, options, machineCores, signal, observer)
        : await measureSoaks(subjects, options, signal, observer)
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
      ...results,
    }
  } finally {
    await subjects?.close()
    await server.close()
  }
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
