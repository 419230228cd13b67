import { Cluster } from '../../../lib/embedded/cluster/cluster.ts'
import { messageReply } from '../../../lib/embedded/commands/message-command.ts'
import { infoReply } from '../../../lib/embedded/info/info.ts'
import { JobRegistry } from '../../../lib/embedded/queries/job-registry.ts'
import type { ServerNode } from '../../../lib/embedded/server-node.ts'
import { ServiceStatistics } from '../../../lib/embedded/service-statistics.ts'
import { Namespace } from '../../../lib/embedded/storage/namespace.ts'
import type { NamespaceConfig } from '../../../lib/embedded/storage/namespace-config.ts'
import {
  binNameFromText,
  binNameToText,
  decodeMessageAt,
  decodeParticle,
  encodeInfoRequest,
  encodeMessage,
  encodeParticle,
  FIELD_TYPES,
  FRAME_HEADER_BYTES,
  INFO1,
  INFO2,
  type Message,
  type MessageInit,
  OPERATION_CODES,
  type OperationInit,
  PARTICLE_TYPES,
  recordDigest,
  userKey,
  type Value,
} from '../../../lib/protocol/index.ts'
import { FakeUdfRuntime } from './fake-udf-runtime.ts'
import { ManualClock } from './manual-clock.ts'
import { refuseEndless } from './manual-scheduler.ts'

type FieldInit = NonNullable<MessageInit['fields']>[number]

export const SET = 'demo'

/** The fields that address a record by its key. */
export function keyFields(key: string, setName: string = SET): FieldInit[] {
  return [
    { type: FIELD_TYPES.NAMESPACE, data: Buffer.from('test') },
    { type: FIELD_TYPES.SET, data: Buffer.from(setName) },
    { type: FIELD_TYPES.DIGEST, data: recordDigest(setName, userKey(key)) },
  ]
}

export function operation(code: number, name: string, value?: Value): OperationInit {
  const bin = { code, name: binNameFromText(name) }
  if (value === undefined) return { ...bin, particleType: PARTICLE_TYPES.NULL }
  const particle = encodeParticle(value)
  return { ...bin, particleType: particle.type, value: particle.value }
}

export const write = (name: string, value: Value) => operation(OPERATION_CODES.WRITE, name, value)
export const read = (name: string) => operation(OPERATION_CODES.READ, name)
export const increment = (name: string, by: Value) => operation(OPERATION_CODES.INCREMENT, name, by)

/** Bins of a reply by name, as values. */
export function bins(message: Message): Record<string, Value> {
  return Object.fromEntries(
    message.operations.map(({ name, particleType, value }) => [
      binNameToText(name),
      decodeParticle(particleType, value),
    ]),
  )
}

/** The messages in a frame; none in an empty buffer. */
export function decodedFrame(frame: Buffer): Message[] {
  const body = frame.subarray(FRAME_HEADER_BYTES)
  const messages: Message[] = []
  for (let at = 0; at < body.length; ) {
    const { message, end } = decodeMessageAt(body, at)
    messages.push(message)
    at = end
  }
  return messages
}

/** A node without sockets, with a clock that is moved by hand. */
export class TestNode {
  readonly clock = new ManualClock()
  readonly udf = new FakeUdfRuntime()
  readonly node: ServerNode
  readonly namespace: Namespace
  readonly logged: string[] = []
  /** What background jobs want to be called for; see runJobs. */
  readonly deferred: { readonly step: () => void; readonly delayMs: number }[] = []

  constructor(config: Partial<NamespaceConfig> = {}) {
    this.namespace = new Namespace('test', this.clock, config)
    const cluster = new Cluster({ nodeCount: 1 })
    this.node = {
      name: 'BB9000000000001',
      clusterName: undefined,
      host: '127.0.0.1',
      port: 3000,
      cluster: cluster.view(0),
      namespaces: new Map([['test', this.namespace]]),
      udf: this.udf,
      config: { batchRequestsMax: 0 },
      statistics: new ServiceStatistics(),
      clock: this.clock,
      startedAtMs: this.clock.nowMs(),
      jobs: new JobRegistry(this.clock, (step, delayMs) => this.deferred.push({ step, delayMs })),
      log: (_level, text) => this.logged.push(text),
    }
    cluster.join(new Map([[0, this.node]]))
  }

  /** The frames that answer a message body. */
  frames(body: Buffer): Buffer[] {
    const reply = messageReply(this.node, body)
    if (Buffer.isBuffer(reply)) return [reply]
    const frames: Buffer[] = []
    for (let next = reply.next(); next.done !== true; next = reply.next()) {
      if (!Buffer.isBuffer(next.value)) throw new Error('a node that is alone waits for nothing')
      frames.push(next.value)
    }
    return frames
  }

  /** All messages of the reply to one message. */
  sendAll(message: MessageInit): Message[] {
    return this.frames(encodeMessage(message)).flatMap(decodedFrame)
  }

  /** The one message that answers a command on a record. */
  send(message: MessageInit): Message {
    const [reply, ...more] = this.sendAll(message)
    if (reply === undefined || more.length > 0) throw new Error('expected exactly one message')
    return reply
  }

  put(key: string, values: Record<string, Value>, init: MessageInit = {}): Message {
    return this.send({
      info2: INFO2.WRITE,
      fields: keyFields(key),
      operations: Object.entries(values).map(([name, value]) => write(name, value)),
      ...init,
    })
  }

  get(key: string, init: MessageInit = {}): Message {
    return this.send({ info1: INFO1.READ | INFO1.GET_ALL, fields: keyFields(key), ...init })
  }

  operate(key: string, operations: readonly OperationInit[], init: MessageInit = {}): Message {
    return this.send({ info1: INFO1.READ, info2: INFO2.WRITE, fields: keyFields(key), operations, ...init })
  }

  delete(key: string, init: MessageInit = {}): Message {
    return this.send({ info2: INFO2.WRITE | INFO2.DELETE, fields: keyFields(key), ...init })
  }

  /** Runs background jobs to their end; waits are over at once, the clock moves on by them. */
  runJobs(): void {
    for (let steps = 0; this.deferred.length > 0; steps++) {
      refuseEndless(steps)
      const next = this.deferred.shift()
      if (next === undefined) return
      this.clock.advanceMs(next.delayMs)
      next.step()
    }
  }

  /** The value that answers one info command. */
  info(command: string): string {
    const reply = infoReply(this.node, encodeInfoRequest([command])).toString()
    return reply.slice(command.length + 1, -1)
  }
}
