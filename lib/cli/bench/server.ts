import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { StoreError } from '../../errors/index.ts'
import { parseStoreUrl, type StoreUrl } from '../../settings/index.ts'
import { ServerProcess, serverProcessOn } from './server-process.ts'

/** The server that a run goes to. */
export interface BenchServer {
  readonly kind: 'embedded' | 'given'
  readonly hosts: readonly { readonly host: string; readonly port: number }[]
  readonly namespace: string
  /** The beginning of the names of the sets. */
  readonly set: string
  /** Undefined where it is not a process of this machine. */
  readonly process: ServerProcess | undefined
  /** Cores that it can take: an embedded server's work is done by one thread. */
  readonly coresMax: number
  /** The URL of a store on it, in a set of its own. */
  storeUrl(set: string, parameters: Readonly<Record<string, string>>): string
  close(): Promise<void>
}

const MAIN = fileURLToPath(new URL('./server-main.js', import.meta.url))
const DEFAULT_SET = 'bench'

/**
 * The server of a store URL. `embedded:` starts one as a process of its own, unlike elsewhere: in this process its
 * work would count as the client's.
 */
export async function benchServer(text: string, machineCores: number): Promise<BenchServer> {
  const query = new URLSearchParams(text.split('?')[1] ?? '')
  // Bodies of large transactions are none of the workload.
  if (!query.has('externalStore')) query.set('externalStore', 'memory:')
  const url = parseStoreUrl(`${text.split('?')[0]}?${query}`)
  const common = { namespace: url.namespace, set: query.get('set') ?? DEFAULT_SET }
  if (url.scheme === 'embedded') {
    const { port, process: own, close } = await startServer(url.namespace)
    const hosts = [{ host: '127.0.0.1', port }]
    return {
      kind: 'embedded',
      ...common,
      hosts,
      process: own,
      coresMax: 1,
      close,
      ...named(hosts, url, query),
    }
  }
  const { hosts } = url
  const first = hosts[0]
  // Several nodes on this machine would be several processes, of which one is no figure for the cluster.
  const process =
    hosts.length === 1 && first !== undefined ? serverProcessOn(first.host, first.port) : undefined
  return {
    kind: 'given',
    ...common,
    hosts,
    process,
    coresMax: machineCores,
    close: async () => {},
    ...named(hosts, url, query),
  }
}

function named(
  hosts: BenchServer['hosts'],
  { namespace }: StoreUrl,
  query: URLSearchParams,
): Pick<BenchServer, 'storeUrl'> {
  const authority = authorityOf(hosts)
  return {
    storeUrl: (set, parameters) => {
      const own = new URLSearchParams(query)
      own.set('set', set)
      for (const [name, value] of Object.entries(parameters)) own.set(name, value)
      return `aerospike://${authority}/${encodeURIComponent(namespace)}?${own}`
    },
  }
}

/** The nodes of a store URL. */
export function authorityOf(hosts: BenchServer['hosts']): string {
  return hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',')
}

async function startServer(
  namespace: string,
): Promise<{ port: number; process: ServerProcess; close(): Promise<void> }> {
  const child = fork(MAIN, ['serve', '--port', '0', '--namespace', namespace], {
    // In a group of its own: Ctrl+C reaches this process, which ends it after its last use.
    detached: true,
    execArgv: [],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  const { stdout } = child
  if (stdout === null) throw new TypeError('the embedded server was started without a pipe')
  const exited = once(child, 'exit')
  const ready = await Promise.race([
    once(createInterface(stdout), 'line').then(([line]) => String(line)),
    exited.then(([code]) => {
      throw new StoreError(
        'STORAGE_UNAVAILABLE',
        `the embedded server ended with ${code} before it was ready`,
      )
    }),
  ])
  const port = Number(/:(\d+)$/.exec(ready)?.[1])
  return {
    port,
    process: new ServerProcess(child.pid ?? 0),
    close: async () => {
      child.kill()
      await exited
    },
  }
}
