import { setMaxListeners } from 'node:events'
import pRetry from 'p-retry'
import { messageOf, StoreError } from '../../errors/index.ts'
import { openExternalStore } from '../../external/index.ts'
import { createMetrics } from '../../metrics/index.ts'
import { parseStoreUrl, resolveSettings, type Settings, type StoreUrl } from '../../settings/index.ts'
import {
  ClientAdministration,
  ClientQueries,
  connectClient,
  type Host,
} from '../../transport/client/index.ts'
import { type Administration, OverloadRetry } from '../../transport/index.ts'
import { BlockStateHolder } from '../context/block-state.ts'
import { StoreContext } from '../context/store-context.ts'
import { type EventLogger, safeLogger } from '../logging/logger.ts'
import { ModuleNames } from '../udf/module-names.ts'
import { ensureRegistered, loadUdfModule } from '../udf/udf-module.ts'
import { released } from '../waiting/released.ts'
import { chooseTransport } from './choose-transport.ts'
import {
  administrationOptions,
  connectionOptions,
  connectionPermits,
  overloadRetryOptions,
  queriesOptions,
} from './client-options.ts'
import { closeAll } from './close-all.ts'
import { checkOpenOptions, type OpenOptions } from './open-options.ts'
import { startEmbedded } from './start-embedded.ts'
import type { TransportChoice } from './transport-choice.ts'

/** What an open store stands on. */
export interface StoreFoundation {
  readonly url: StoreUrl
  readonly context: StoreContext
  readonly administration: Administration
  readonly transportChoice: TransportChoice
  /** Ends pauses after overloads; to be called when the store begins to close. */
  beginClose(): void
  /** Closes the client, then the embedded server where there is one. */
  release(): Promise<void>
}

/**
 * Connects, checks the namespace and registers the UDF module. On a failure nothing stays open, nor when the signal
 * fires, whose caller is released at once while the step in progress comes to its end.
 */
export async function openFoundation(text: string, options: OpenOptions): Promise<StoreFoundation> {
  checkOpenOptions(options)
  const { signal } = options
  const opening = connectFoundation(text, options)
  try {
    return await released(opening, { name: 'opening the store', signal })
  } catch (error) {
    if (signal?.aborted) opening.then(foundation => foundation.release()).catch(() => {})
    throw error
  }
}

async function connectFoundation(text: string, options: OpenOptions): Promise<StoreFoundation> {
  const url = parseStoreUrl(text)
  const settings = resolveSettings(options.settings)
  const logger = safeLogger(options.logger)
  const metrics = createMetrics(options.metrics)
  const external = await openExternalStore(url.externalStore)
  const closing = new AbortController()
  // Each batch that pauses after an overload listens to it.
  setMaxListeners(0, closing.signal)
  const opened: { close(): Promise<void> }[] = [external]
  const release = (): Promise<void> => closeAll(opened.splice(0).reverse())
  try {
    let hosts: readonly Host[] = url.hosts
    if (url.scheme === 'embedded') {
      const server = await startEmbedded(url.namespace)
      opened.push(server)
      hosts = [{ host: server.host, port: server.port }]
    }
    const client = await connectClient({
      ...connectionOptions(url, settings),
      hosts,
      signal: options.signal,
      onFailedAttempt: ({ attempt, retriesLeft, error }) =>
        logger.warn({ event: 'connect_failed', attempt, retriesLeft, err: error }, 'connecting failed'),
      onHostsLeftOut: ({ hosts: leftOut, error }) =>
        logger.warn(
          { event: 'hosts_left_out', hosts: leftOut, err: error },
          'hosts of the URL do not answer',
        ),
    })
    const administration = new ClientAdministration(client, administrationOptions(url, settings))
    opened.push(administration)
    const { signal } = options
    await checkNamespace(administration, url.namespace, logger)
    signal?.throwIfAborted()
    const udfModule = await loadUdfModule()
    const modules = new ModuleNames(udfModule.name, settings)
    await retried(settings, () => ensureRegistered(udfModule, modules.all, administration, logger))
    signal?.throwIfAborted()
    const permits = connectionPermits(url, settings)
    const chosen = await chooseTransport({ url, settings, hosts, client, permits, logger, signal })
    opened.push(chosen)
    signal?.throwIfAborted()
    const transport = new OverloadRetry(chosen.transport, {
      ...overloadRetryOptions(settings),
      closing: closing.signal,
      onRetry: ({ rows, attempt, delayMs }) => {
        metrics.overloadRetries.increment({}, rows)
        logger.debug(
          { event: 'overload_retried', rows, attempt, delayMs },
          'rows that were refused for load go again',
        )
      },
    })
    const queries = new ClientQueries(client, queriesOptions(url, settings))
    opened.push(queries)
    const context = new StoreContext({
      settings,
      set: url.set,
      modules,
      logger,
      metrics,
      blockState: new BlockStateHolder(),
      transport,
      queries,
      administration,
      closing: closing.signal,
      external,
      connectionsMax: url.connectionsMax,
    })
    if (permits !== undefined) {
      context.addGauge(metrics.permitsFree, {}, () => permits.free)
      context.addGauge(metrics.permitsWaiting, {}, () => permits.waiting)
    }
    return {
      url,
      context,
      administration,
      transportChoice: chosen.choice,
      beginClose: () => closing.abort(),
      async release() {
        context.removeGauges()
        await release()
      },
    }
  } catch (error) {
    await release().catch((failure: unknown) =>
      logger.warn({ event: 'release_failed', err: failure }, 'closing after a failed open'),
    )
    throw error
  }
}

/** Batched writes take the namespace's time to live, so anything but "never" would lose outputs (semantics 1.1). */
async function checkNamespace(
  administration: Administration,
  namespace: string,
  logger: EventLogger,
): Promise<void> {
  for (const { node, answer } of await administration.infoOfNodes(`namespace/${namespace}`)) {
    const settings = new Map(answer.split(';').map(pair => pair.split('=', 2) as [string, string]))
    if (settings.get('type') === 'unknown') {
      const known = (await administration.infoOfNodes('namespaces'))[0]?.answer ?? ''
      throw new StoreError(
        'STORAGE_UNAVAILABLE',
        `node ${node} has no namespace ${namespace}; it has: ${known.replaceAll(';', ', ')}. Correct the path of the store URL`,
      )
    }
    if (settings.get('nsup-period') === '0') {
      logger.warn(
        { event: 'nsup_off', node, namespace },
        'nsup-period is 0: records with a time to live would never go; set it, for example to 10',
      )
    }
    const ttl = settings.get('default-ttl') ?? '0'
    if (ttl !== '0') {
      throw new StoreError(
        'STORAGE_UNAVAILABLE',
        `namespace ${namespace} on node ${node} has default-ttl ${ttl}: records would expire and their outputs be lost. Set default-ttl 0`,
      )
    }
  }
}

/** Registration attempts, as the reference makes them (semantics 2.1). */
const REGISTRATION_RETRIES = 4

function retried<Result>(settings: Settings, work: () => Promise<Result>): Promise<Result> {
  return pRetry(work, {
    retries: REGISTRATION_RETRIES,
    minTimeout: Math.min(1_000, settings.dbTimeoutDuration),
    factor: 1,
  }).catch((error: unknown) => {
    throw new StoreError(
      'STORAGE_UNAVAILABLE',
      `the store's UDF module cannot be registered: ${messageOf(error)}`,
      {
        cause: error,
      },
    )
  })
}
