import { createRequire } from 'node:module'
import { cpus, platform, release, totalmem } from 'node:os'
import { resolveSettings } from '../../settings/index.ts'
import { type BenchOptions, nodeOptionsOf, operationsOf, settingsOf, transportsOf } from './options.ts'
import { type BenchObserver, measureRounds, measureSoaks } from './phases.ts'
import { REPORT_SCHEMA_VERSION, type Report } from './report.ts'
import { type BenchServer, benchServer } from './server.ts'
import { startWorkers, type Workers } from './workers.ts'
import { loadYardsticks } from './yardstick-module.ts'

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
  if (options.yardsticks !== undefined) await loadYardsticks(options.yardsticks)
  const isSoak = options.soak !== undefined || options.duration !== undefined
  const machineCores = cpus().length
  const server = await benchServer(options.store, machineCores)
  let workers: Workers | undefined
  const stop = (): void => {
    for (const { process } of workers?.all ?? []) process.stop()
  }
  try {
    workers = await startWorkers(server, options, settings, { storesOnly: isSoak })
    signal.addEventListener('abort', stop, { once: true })
    for (const { subject, reason } of workers.unavailable)
      observer.note(`not measured: ${subject}: ${reason}`)
    const results = isSoak
      ? await measureSoaks(workers.all, options, signal, observer)
      : await measureRounds(server, workers.all, options, machineCores, signal, observer)
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
        warmUp: options.warmUp,
        concurrency: options.concurrency,
        batchSize: options.batchSize,
        lingerMs: options.linger,
        nodeOptions: nodeOptionsShown(options),
        settings,
      },
      subjects: workers.all.map(({ subject }) => subject),
      unavailable: workers.unavailable,
      ...results,
    }
  } finally {
    signal.removeEventListener('abort', stop)
    await workers?.close()
    await server.close()
  }
}

/** The processes that measure inherit the environment. */
function nodeOptionsShown(options: BenchOptions): string {
  const { NODE_OPTIONS: inherited } = process.env
  return [...(inherited ? [inherited] : []), ...nodeOptionsOf(options)].join(' ')
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
