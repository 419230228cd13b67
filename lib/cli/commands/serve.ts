import { serveEmbedded } from '../../embedded/index.ts'
import { messageOf, StoreError } from '../../errors/index.ts'
import { UsageError } from '../failure.ts'
import { collectGarbageLessOften } from '../garbage-collection.ts'
import { createLog } from '../log.ts'
import type { Output } from '../output.ts'

export interface ServeOptions {
  host: string
  port: number
  namespace: string
  nodes: number
}

function addressOf({ host, port }: { host: string; port: number }): string {
  return `aerospike://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** Serves until SIGTERM or SIGINT, then closes its connections and returns. */
export async function serve(options: ServeOptions, output: Output): Promise<void> {
  const namespaces = options.namespace.split(',').map(name => name.trim())
  if (namespaces.includes(''))
    throw new UsageError(
      `--namespace ${options.namespace} has an empty name; separate names by single commas.`,
    )
  const stopped = new Promise<void>(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve())
  })
  const log = createLog()
  collectGarbageLessOften()
  await using server = await serveEmbedded({
    host: options.host,
    port: options.port,
    nodes: options.nodes,
    namespaces,
    log: (level, text) => log[level](text),
  }).catch((error: unknown) => {
    if (!/EADDRINUSE/.test(messageOf(error))) throw error
    throw new StoreError(
      'SERVICE_UNAVAILABLE',
      `${messageOf(error)}. Choose other ports with --port; 0 picks free ones`,
      { cause: error },
    )
  })
  // Without the namespace: a client chooses one of those served.
  const addresses = server.nodes.map(addressOf)
  const [first = ''] = addresses
  output.result({ ready: first, nodes: addresses, namespaces }, `ready ${first}`)
  await stopped
  output.note('stopping')
}
