import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { InvalidArgumentError, messageOf, StoreError } from '../../errors/index.ts'
import { type SettingsInput, UtxoStore } from '../../index.ts'
import { parseStoreUrl } from '../../settings/index.ts'
import { UsageError } from '../failure.ts'
import { createLog } from '../log.ts'
import { type BenchOptions, type TransportName, transportsOf } from './options.ts'
import { SeamSubject } from './seam-subject.ts'
import type { BenchServer } from './server.ts'
import { StoreSubject } from './store-subject.ts'
import type { Subject, SubjectOptions, Yardsticks } from './subject.ts'

/** A store, and its transport alone, which sends what the store has sent before. */
export interface StorePair {
  readonly store: StoreSubject
  readonly bare: SeamSubject
}

export interface Subjects {
  readonly pairs: readonly StorePair[]
  readonly yardsticks: readonly Subject[]
  readonly unavailable: readonly { readonly subject: string; readonly reason: string }[]
  close(): Promise<void>
}

/** Opens everything that is measured. A transport that cannot be had is left out and told; without any it throws. */
export async function openSubjects(
  server: BenchServer,
  options: BenchOptions,
  settings: SettingsInput,
): Promise<Subjects> {
  const { batchSize, concurrency } = options
  const pairs: StorePair[] = []
  const yardsticks: Subject[] = []
  const failures: { subject: string; error: unknown }[] = []
  const close = async (): Promise<void> => {
    for (const subject of [...pairs.map(({ store }) => store), ...yardsticks]) await subject.close()
  }
  try {
    for (const transport of transportsOf(options)) {
      try {
        pairs.push(await openPair(server, transport, options, settings))
      } catch (error) {
        failures.push({ subject: `store-${transport}`, error })
      }
    }
    if (pairs.length === 0) throw failures[0]?.error
    if (options.yardsticks !== undefined) {
      const { hosts, namespace, set } = server
      yardsticks.push(
        ...(await loadYardsticks(options.yardsticks, { hosts, namespace, set, batchSize, concurrency })),
      )
    }
    const unavailable = failures.map(({ subject, error }) => ({ subject, reason: messageOf(error) }))
    return { pairs, yardsticks, unavailable, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function openPair(
  server: BenchServer,
  transport: TransportName,
  { batchSize, concurrency }: BenchOptions,
  settings: SettingsInput,
): Promise<StorePair> {
  const set = `${server.set}-${transport}`
  const url = urlOf(server, set, transport)
  const store = await UtxoStore.open(url, { settings, logger: createLog() })
  const common = { transport, concurrency, batchSize }
  const subject = new StoreSubject(store, { id: `store-${transport}`, set, ...common })
  return {
    store: subject,
    bare: new SeamSubject(subject.seam, { set: `${server.set}-bare-${transport}`, ...common }),
  }
}

/** A version whose URLs do not choose a transport has the npm client's only. */
function urlOf(server: BenchServer, set: string, transport: TransportName): string {
  const url = server.storeUrl(set, { transport })
  try {
    parseStoreUrl(url)
    return url
  } catch (error) {
    if (!(error instanceof InvalidArgumentError) || !error.field.endsWith('transport')) throw error
    if (transport === 'client') return server.storeUrl(set, {})
    throw new StoreError(
      'STORAGE_UNAVAILABLE',
      `the ${transport} transport is not available in this version`,
      { cause: error },
    )
  }
}

async function loadYardsticks(path: string, options: SubjectOptions): Promise<readonly Subject[]> {
  let loaded: { yardsticks?: Yardsticks }
  try {
    loaded = (await import(pathToFileURL(resolve(path)).href)) as { yardsticks?: Yardsticks }
  } catch (error) {
    throw new UsageError(`--yardsticks ${path} cannot be loaded: ${messageOf(error)}.`)
  }
  if (typeof loaded.yardsticks !== 'function')
    throw new UsageError(`--yardsticks ${path} has no exported function yardsticks.`)
  return loaded.yardsticks(options)
}
