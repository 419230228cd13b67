import { messageOf } from '../../errors/index.ts'
import type { SettingsInput } from '../../index.ts'
import type { SubjectSource } from './messages.ts'
import { type BenchOptions, nodeOptionsOf, transportsOf } from './options.ts'
import type { SubjectDescription } from './report.ts'
import type { BenchServer } from './server.ts'
import { WorkerProcess } from './worker-process.ts'
import { loadYardsticks } from './yardstick-module.ts'

/** A subject, and the process that measures it. */
export interface Worker {
  readonly subject: SubjectDescription
  readonly process: WorkerProcess
}

export interface Workers {
  /** In the order in which they are measured. */
  readonly all: readonly Worker[]
  readonly unavailable: readonly { readonly subject: string; readonly reason: string }[]
  close(): Promise<void>
}

/**
 * Starts a process for everything that is measured. A transport or a yardstick that cannot be had is left out and told;
 * without any transport it throws. A soak is of the stores alone.
 */
export async function startWorkers(
  server: BenchServer,
  options: BenchOptions,
  settings: SettingsInput,
  { storesOnly }: { readonly storesOnly: boolean },
): Promise<Workers> {
  const all: Worker[] = []
  const failures: { subject: string; error: unknown }[] = []
  const nodeOptions = nodeOptionsOf(options)
  const start = async (id: string, source: SubjectSource): Promise<void> => {
    const process = new WorkerProcess(id, nodeOptions)
    try {
      all.push({ subject: await process.request('open', source), process })
    } catch (error) {
      await process.close()
      throw error
    }
  }
  const close = async (): Promise<void> => {
    await Promise.all(all.map(({ process }) => process.close()))
  }
  try {
    for (const transport of transportsOf(options)) {
      const sources = pairSources(server, transport, options, settings)
      for (const source of storesOnly ? sources.slice(0, 1) : sources) {
        const subject = `${source.kind}-${transport}`
        try {
          await start(subject, source)
        } catch (error) {
          failures.push({ subject, error })
          // What keeps the store from its transport keeps the transport alone from it, too.
          break
        }
      }
    }
    if (all.length === 0) throw failures[0]?.error
    if (!storesOnly && options.yardsticks !== undefined)
      for (const id of Object.keys(await loadYardsticks(options.yardsticks))) {
        const source = { kind: 'module', path: options.yardsticks, id, ...common(server, options) } as const
        await start(id, source).catch(error => failures.push({ subject: id, error }))
      }
    const unavailable = failures.map(({ subject, error }) => ({ subject, reason: messageOf(error) }))
    return { all, unavailable, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** A store and its transport alone. Each has a process, and a store of its own in a set of its own. */
function pairSources(
  server: BenchServer,
  transport: string,
  options: BenchOptions,
  settings: SettingsInput,
): readonly SubjectSource[] {
  const source = (kind: 'store' | 'bare', set: string): SubjectSource => ({
    kind,
    transport,
    url: server.storeUrl(set, { transport }),
    settings,
    ...common(server, options),
    options: { ...common(server, options).options, set },
  })
  return [source('store', `${server.set}-${transport}`), source('bare', `${server.set}-bare-${transport}`)]
}

function common(
  { hosts, namespace, set, process }: BenchServer,
  { batchSize, concurrency }: BenchOptions,
): Pick<SubjectSource, 'options' | 'serverProcess'> {
  return { options: { hosts, namespace, set, batchSize, concurrency }, serverProcess: process?.id ?? null }
}
