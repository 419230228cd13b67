import { randomBytes } from 'node:crypto'
import { type Clock, systemClock } from './clock.ts'
import { Cluster } from './cluster/cluster.ts'
import { type Scheduler, systemScheduler } from './cluster/scheduler.ts'
import { EmbeddedNode, type NodeState } from './embedded-node.ts'
import { FaultInjector } from './faults/fault-injector.ts'
import { type Log, silentLog } from './log.ts'
import { JobRegistry } from './queries/job-registry.ts'
import type { ServerNode } from './server-node.ts'
import { ServiceStatistics } from './service-statistics.ts'
import { Namespace } from './storage/namespace.ts'
import type { NamespaceConfig } from './storage/namespace-config.ts'
import type { UdfRuntime } from './udf-registry.ts'
import { UnfinishedFrames } from './unfinished-frames.ts'

export interface EmbeddedServerOptions {
  readonly host: string
  /** 0 = one that is free, for each node; else the first node's, and the others have the next ones. */
  readonly port: number
  /** How many nodes there are; default 1. */
  readonly nodes?: number
  /** After how many milliseconds the others notice that a node is dead or frozen; default 0. */
  readonly failureDetectionMs?: number
  readonly faultSeed?: number
  /** What clients may have sent of frames that are not whole yet, in all; default 512 MiB. */
  readonly unfinishedFrameBytesMax?: number
  /** At least one name. */
  readonly namespaces: readonly string[]
  /** Settings of every namespace; what is left out has a default. */
  readonly namespaceConfig?: Partial<NamespaceConfig>
  readonly clusterName?: string | undefined
  /** Runs user-defined functions, for all nodes. The server closes it. */
  readonly udf: UdfRuntime
  readonly clock?: Clock
  readonly scheduler?: Scheduler
  readonly log?: Log
  /** Hears of every change of a node. */
  readonly onState?: (position: number, state: NodeState) => void
}

/** A node name as clients expect one: upper-case hex, not beginning with 0. */
function randomNodeName(): string {
  return `BB9${randomBytes(6).toString('hex').toUpperCase()}`
}

/** A server that speaks Aerospike's wire protocol, on the thread that starts it: one node or a cluster. */
export class EmbeddedServer {
  readonly nodes: readonly EmbeddedNode[]
  readonly faults: FaultInjector
  readonly #cluster: Cluster
  readonly #udf: UdfRuntime
  #closed: Promise<void> | undefined

  private constructor(options: EmbeddedServerOptions) {
    const { nodes: nodeCount = 1, failureDetectionMs = 0, faultSeed = 1, log = silentLog } = options
    const { clock = systemClock, scheduler = systemScheduler } = options
    const unfinishedFrames = new UnfinishedFrames(options.unfinishedFrameBytesMax)
    const faults = new FaultInjector({ seed: faultSeed, scheduler })
    const cluster = new Cluster({ nodeCount, failureDetectionMs, scheduler, log })
    this.faults = faults
    this.#cluster = cluster
    this.#udf = options.udf
    this.nodes = Array.from({ length: nodeCount }, (_, position) => {
      const name = randomNodeName()
      return new EmbeddedNode({
        position,
        name,
        host: options.host,
        port: options.port === 0 ? 0 : options.port + position,
        cluster,
        unfinishedFrames,
        createNode: port => createNode({ ...options, clock, log }, name, port, cluster.view(position)),
        replyTo: (node, frame, source) => faults.replyTo(position, node, frame, source),
        onState: state => options.onState?.(position, state),
      })
    })
  }

  /** Listens; resolves when clients can connect. Rejects with the error of the socket when it cannot. */
  static async start(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
    const server = new EmbeddedServer(options)
    await server.#start()
    return server
  }

  /** The first node's. */
  get port(): number {
    return this.nodes[0]?.port ?? 0
  }

  /** Resolves when the cluster noticed every failure and all copies of records are where they belong. */
  settled(): Promise<void> {
    return this.#cluster.settled()
  }

  /** Closes all connections and forgets all records. May be called again. */
  close(): Promise<void> {
    this.#closed ??= this.#closeOnce()
    return this.#closed
  }

  async #start(): Promise<void> {
    try {
      const joining = new Map<number, ServerNode>()
      for (const node of this.nodes) joining.set(node.position, await node.listen())
      this.#cluster.join(joining)
      for (const node of this.nodes) node.open()
    } catch (error) {
      await this.#closeNodes()
      throw error
    }
  }

  async #closeOnce(): Promise<void> {
    await this.#closeNodes()
    this.#udf.close()
  }

  async #closeNodes(): Promise<void> {
    this.#cluster.close()
    await Promise.all(this.nodes.map(node => node.close()))
  }
}

function createNode(
  options: EmbeddedServerOptions & { readonly clock: Clock; readonly log: Log },
  name: string,
  port: number,
  cluster: ServerNode['cluster'],
): ServerNode {
  const { clock, log } = options
  return {
    name,
    clusterName: options.clusterName,
    host: options.host,
    port,
    cluster,
    namespaces: new Map(
      options.namespaces.map(namespace => [
        namespace,
        new Namespace(namespace, clock, options.namespaceConfig),
      ]),
    ),
    udf: options.udf,
    config: { batchRequestsMax: 0 },
    statistics: new ServiceStatistics(),
    clock,
    startedAtMs: clock.nowMs(),
    jobs: new JobRegistry(clock),
    log,
  }
}
