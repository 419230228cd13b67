import { randomBytes } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import { type Clock, systemClock } from './clock.ts'
import { Connection } from './connection.ts'
import { type Log, silentLog } from './log.ts'
import { replyTo } from './request-handler.ts'
import type { ServerNode } from './server-node.ts'
import { ServiceStatistics } from './service-statistics.ts'
import { ExpirySweep } from './storage/expiry-sweep.ts'
import { Namespace } from './storage/namespace.ts'
import type { NamespaceConfig } from './storage/namespace-config.ts'
import type { UdfRuntime } from './udf-registry.ts'

export interface EmbeddedServerOptions {
  readonly host: string
  /** 0 = one that is free. */
  readonly port: number
  /** At least one name. */
  readonly namespaces: readonly string[]
  /** Settings of every namespace; what is left out has a default. */
  readonly namespaceConfig?: Partial<NamespaceConfig>
  readonly clusterName?: string | undefined
  /** Runs user-defined functions. The server closes it. */
  readonly udf: UdfRuntime
  readonly clock?: Clock
  readonly log?: Log
}

/** A node name as clients expect one: upper-case hex, not beginning with 0. */
function randomNodeName(): string {
  return `BB9${randomBytes(6).toString('hex').toUpperCase()}`
}

/** A server that speaks Aerospike's wire protocol, on the thread that starts it. */
export class EmbeddedServer {
  readonly #node: ServerNode
  readonly #listener: Server
  readonly #sockets = new Set<Socket>()
  readonly #sweep: ExpirySweep
  #closed: Promise<void> | undefined

  private constructor(listener: Server, node: ServerNode) {
    this.#listener = listener
    this.#node = node
    this.#sweep = new ExpirySweep(node.namespaces.values())
    listener.on('connection', socket => this.#accept(socket))
    this.#sweep.start()
  }

  /** Listens; resolves when clients can connect. Rejects with the error of the socket when it cannot. */
  static async start(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
    const listener = createServer({ noDelay: true })
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject)
      listener.listen({ host: options.host, port: options.port }, () => {
        listener.off('error', reject)
        resolve()
      })
    })
    const address = listener.address()
    if (address === null || typeof address === 'string') throw new Error('the server has no TCP port')
    return new EmbeddedServer(listener, createNode(options, address.port))
  }

  get host(): string {
    return this.#node.host
  }

  get port(): number {
    return this.#node.port
  }

  /** Closes all connections and forgets all records. May be called again. */
  close(): Promise<void> {
    this.#closed ??= this.#closeOnce()
    return this.#closed
  }

  async #closeOnce(): Promise<void> {
    this.#sweep.stop()
    const closed = new Promise<void>(resolve => this.#listener.close(() => resolve()))
    for (const socket of this.#sockets) socket.destroy()
    await closed
    this.#node.udf.close()
  }

  #accept(socket: Socket): void {
    const { statistics, log } = this.#node
    this.#sockets.add(socket)
    statistics.connectionsOpened++
    socket.once('close', () => {
      this.#sockets.delete(socket)
      statistics.connectionsClosed++
    })
    new Connection(socket, {
      replyTo: frame => replyTo(this.#node, frame),
      onProtocolError: error => {
        statistics.demarshalErrors++
        log('warn', `connection closed: ${error.message}`)
      },
      onDefect: error => {
        log('error', `connection closed: ${error instanceof Error ? (error.stack ?? error.message) : error}`)
      },
    })
  }
}

function createNode(options: EmbeddedServerOptions, port: number): ServerNode {
  const clock = options.clock ?? systemClock
  return {
    name: randomNodeName(),
    clusterName: options.clusterName,
    clusterKey: randomBytes(6).toString('hex').toUpperCase(),
    host: options.host,
    port,
    namespaces: new Map(
      options.namespaces.map(name => [name, new Namespace(name, clock, options.namespaceConfig)]),
    ),
    udf: options.udf,
    config: { batchRequestsMax: 0 },
    statistics: new ServiceStatistics(),
    clock,
    startedAtMs: clock.nowMs(),
    log: options.log ?? silentLog,
  }
}
