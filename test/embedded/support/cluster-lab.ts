import { Cluster } from '../../../lib/embedded/cluster/cluster.ts'
import { messageReply } from '../../../lib/embedded/commands/message-command.ts'
import { infoReply } from '../../../lib/embedded/info/info.ts'
import { JobRegistry } from '../../../lib/embedded/queries/job-registry.ts'
import type { ServerNode } from '../../../lib/embedded/server-node.ts'
import { ServiceStatistics } from '../../../lib/embedded/service-statistics.ts'
import { Namespace } from '../../../lib/embedded/storage/namespace.ts'
import {
  decodeMessage,
  encodeInfoRequest,
  encodeMessage,
  FRAME_HEADER_BYTES,
  INFO1,
  INFO2,
  type Message,
  type MessageInit,
  partitionId,
  type Value,
} from '../../../lib/protocol/index.ts'
import { FakeUdfRuntime } from './fake-udf-runtime.ts'
import { ManualClock } from './manual-clock.ts'
import { ManualScheduler } from './manual-scheduler.ts'
import { bins, keyFields, write } from './test-node.ts'

export const DETECTION_MS = 100

/** Nodes without sockets, as a cluster whose time stands still until it is moved. */
export class ClusterLab {
  readonly clock = new ManualClock()
  readonly scheduler = new ManualScheduler()
  readonly cluster: Cluster
  readonly logged: string[] = []
  readonly #nodes: ServerNode[] = []

  constructor(nodeCount: number) {
    this.cluster = new Cluster({
      nodeCount,
      failureDetectionMs: DETECTION_MS,
      scheduler: this.scheduler,
      log: (_level, text) => this.logged.push(text),
    })
    const nodes = new Map([...Array(nodeCount).keys()].map(position => [position, this.#create(position)]))
    this.cluster.join(nodes)
  }

  /** The present life of a node. */
  node(position: number): ServerNode {
    const node = this.#nodes[position]
    if (node === undefined) throw new Error(`no node ${position}`)
    return node
  }

  namespace(position: number): Namespace {
    const namespace = this.node(position).namespaces.get('test')
    if (namespace === undefined) throw new Error('no namespace')
    return namespace
  }

  /** A node comes back, without records. */
  start(position: number): void {
    this.cluster.join(new Map([[position, this.#create(position)]]))
  }

  /** Everybody notices what happened, and everything moves to where it belongs. */
  settle(): void {
    this.scheduler.advanceMs(DETECTION_MS)
    this.scheduler.drain()
  }

  /** The position that masters a key. */
  masterOf(key: string): number {
    return this.cluster.map.master(partitionOf(key)) ?? -1
  }

  /** The position that is the replica of a key. */
  replicaOf(key: string): number {
    return this.cluster.map.announced(partitionOf(key))[1] ?? -1
  }

  /** The position that has nothing of a key. */
  outsiderOf(key: string): number {
    const owners = this.cluster.map.announced(partitionOf(key))
    return this.#nodes.findIndex((_, position) => !owners.includes(position))
  }

  /** The reply of a node; undefined while it waits. */
  send(position: number, message: MessageInit): Message | undefined {
    const next = this.reply(position, message).next()
    if (next.done === true || !Buffer.isBuffer(next.value)) return undefined
    return decodeMessage(next.value.subarray(FRAME_HEADER_BYTES))
  }

  reply(position: number, message: MessageInit): Iterator<Buffer | Promise<void>, void> {
    const reply = messageReply(this.node(position), encodeMessage(message))
    return Buffer.isBuffer(reply) ? [reply].values() : reply
  }

  /** @returns the result code, undefined while the node waits */
  put(position: number, key: string, value: Value): number | undefined {
    return this.send(position, putMessage(key, value))?.resultCode
  }

  get(position: number, key: string, init: MessageInit = {}): Message | undefined {
    return this.send(position, { info1: INFO1.READ | INFO1.GET_ALL, fields: keyFields(key), ...init })
  }

  /** The value that answers one info command. */
  info(position: number, command: string): string {
    const reply = infoReply(this.node(position), encodeInfoRequest([command])).toString()
    return reply.slice(command.length + 1, -1)
  }

  #create(position: number): ServerNode {
    const node: ServerNode = {
      name: `BB900000000000${position}`,
      clusterName: undefined,
      host: '127.0.0.1',
      port: 3000 + position,
      cluster: this.cluster.view(position),
      namespaces: new Map([['test', new Namespace('test', this.clock)]]),
      udf: new FakeUdfRuntime(),
      config: { batchRequestsMax: 0 },
      statistics: new ServiceStatistics(),
      clock: this.clock,
      startedAtMs: this.clock.nowMs(),
      jobs: new JobRegistry(this.clock),
      log: (_level, text) => this.logged.push(text),
    }
    this.#nodes[position] = node
    return node
  }
}

export function putMessage(key: string, value: Value): MessageInit {
  return { info2: INFO2.WRITE, fields: keyFields(key), operations: [write('a', value)] }
}

function partitionOf(key: string): number {
  const digest = keyFields(key)[2]?.data
  if (digest === undefined) throw new Error('no digest')
  return partitionId(digest)
}

/** The keys of a filled lab. */
export const KEYS: readonly string[] = Array.from({ length: 300 }, (_, number) => `k${number}`)

/** A lab with a record for each key, the number of the key as its value. */
export function filledLab(nodeCount = 3): ClusterLab {
  const lab = new ClusterLab(nodeCount)
  for (const [value, key] of KEYS.entries()) lab.put(value % nodeCount, key, value)
  return lab
}

/** The keys of a filled lab that a node does not answer rightly. */
export function wrongAt(lab: ClusterLab, position: number, keys: readonly string[] = KEYS): string[] {
  return keys.filter(key => {
    const reply = lab.get(position, key)
    return reply === undefined || bins(reply).a !== KEYS.indexOf(key)
  })
}

/** One of the values that an info command answers in pairs. */
export function statistic(
  lab: ClusterLab,
  position: number,
  command: string,
  key: string,
): string | undefined {
  return new RegExp(`(?:^|;)${key}=([^;]*)`).exec(lab.info(position, command))?.[1]
}

export function never(): never {
  throw new Error('no reply')
}
