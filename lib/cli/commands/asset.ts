import type { FastifyBaseLogger } from 'fastify'
import { assetPlugin, SubtreeDataService, SubtreeFolder } from '../../asset/index.ts'
import { messageOf, StoreError } from '../../errors/index.ts'
import { UtxoStore } from '../../index.ts'
import { closeConnections } from '../close-connections.ts'
import { createLog } from '../log.ts'
import type { Output } from '../output.ts'

export interface AssetCommandOptions {
  store: string
  folder: string
  host: string
  port: number
  prefix: string
  /** The store's setting where absent. */
  creations?: number
  readers: number
  fetches: number
}

/** Longer than any wait of an answer in progress for the store or for its client. */
const CONNECTION_TIMEOUT_MS = 120_000
const CLOSE_GRACE_MS = 10_000
/** More than answers have, which the service ends and tells of; then only bytes are left that nobody takes. */
const CONNECTION_GRACE_MS = CLOSE_GRACE_MS + 1_000

/**
 * Serves until SIGTERM or SIGINT, then ends the answers in progress, within seconds, and returns when no call of the store
 * is under way any more, which takes as long as a batch may where a server hangs; a second signal ends it at once.
 */
export async function asset(options: AssetCommandOptions, output: Output): Promise<void> {
  const fastify = await loadFastify()
  const log = createLog()
  await using store = await UtxoStore.open(options.store, { logger: log })
  // From here on there is something to end; before, the signal ends the process.
  const stopped = new Promise<void>(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve())
  })
  const service = new SubtreeDataService({
    source: store,
    files: await SubtreeFolder.open(options.folder),
    ...(options.creations === undefined ? {} : { creationsMax: options.creations }),
    readersMax: options.readers,
    fetchConcurrency: options.fetches,
    closeGraceMs: CLOSE_GRACE_MS,
    logger: log,
  })
  const loggerInstance: FastifyBaseLogger = log
  await using app = fastify({
    loggerInstance,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
  })
  closeConnections(app, CONNECTION_GRACE_MS)
  await app.register(assetPlugin, { service, prefix: options.prefix })
  const address = await app.listen({ host: options.host, port: options.port }).catch((cause: unknown) => {
    const where = `${options.host}:${options.port}`
    throw new StoreError('SERVICE_UNAVAILABLE', `cannot listen at ${where}: ${messageOf(cause)}`, { cause })
  })
  const ready = `${address}${options.prefix}`
  output.result({ ready, folder: options.folder }, `ready ${ready}`)
  await stopped
  output.note('stopping')
}

/** An optional package: whoever only uses the store does not need a web server. */
async function loadFastify(): Promise<typeof import('fastify').fastify> {
  try {
    const { fastify } = await import('fastify')
    return fastify
  } catch (cause) {
    throw new StoreError(
      'PROCESSING',
      `serving by HTTP needs the package fastify; install it beside this one (npm install fastify@5): ${messageOf(cause)}`,
      { cause },
    )
  }
}
