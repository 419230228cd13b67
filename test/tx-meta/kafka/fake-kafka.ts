import { EventEmitter } from 'node:events'
import type {
  ClientSettings,
  KafkaModule,
  RdMessage,
  RdPartition,
} from '../../../lib/tx-meta/kafka/kafka-client.ts'

type Rebalance = (error: { code: number }, partitions: readonly RdPartition[]) => void
type Callback = (error: Error | null, result: unknown) => void

/** Stands for a client of both kinds: what the adapters call is noted, and the test says what arrives. */
export class FakeClient extends EventEmitter {
  readonly settings: ClientSettings
  readonly calls: string[] = []
  /** What the next polls give, one after the other. */
  readonly polls: (readonly RdMessage[] | Error)[] = []
  /** What the polls give after those. */
  onPoll: () => readonly RdMessage[] = () => []
  /** Whether a commit is answered at the next poll. */
  answersCommits = true
  /** As librdkafka has it: over assignments. */
  readonly paused = new Set<number>()
  #commits = 0

  constructor(settings: ClientSettings) {
    super()
    this.settings = settings
  }

  connect(_options: object, callback: Callback): void {
    callback(null, { brokers: [], topics: [{ name: 'txmeta', partitions: [0, 1] }] })
  }

  disconnect(callback: () => void): void {
    this.calls.push('disconnect')
    callback()
  }

  setDefaultConsumeTimeout(): void {}
  subscribe(): void {}
  poll(): void {}
  produce(): void {}

  consume(_count: number, callback: Callback): void {
    setImmediate(() => {
      for (; this.#commits > 0 && this.answersCommits; this.#commits--) this.emit('offset.commit', null)
      const next = this.polls.shift() ?? this.onPoll()
      if (next instanceof Error) callback(next, undefined)
      else callback(null, next)
    })
  }

  commit(offsets: readonly RdPartition[]): void {
    this.#commits += 1
    this.calls.push(`commit ${offsets.map(({ partition, offset }) => `${partition}@${offset}`).join()}`)
  }

  assign(partitions: readonly RdPartition[]): void {
    this.calls.push(`assign ${partitions.map(({ partition }) => partition).join()}`)
  }

  pause(partitions: readonly RdPartition[]): void {
    this.calls.push(`pause ${partitions.map(({ partition }) => partition).join()}`)
    for (const { partition } of partitions) this.paused.add(partition)
  }

  resume(partitions: readonly RdPartition[]): void {
    this.calls.push(`resume ${partitions.map(({ partition }) => partition).join()}`)
    for (const { partition } of partitions) this.paused.delete(partition)
  }

  unassign(): void {
    this.calls.push('unassign')
  }

  rebalance(code: number, partitions: readonly number[]): void {
    const callback = this.settings.rebalance_cb as Rebalance
    callback(
      { code },
      partitions.map(partition => ({ topic: 'txmeta', partition })),
    )
  }
}

export function fakeKafka(): { clients: FakeClient[]; load: () => Promise<KafkaModule> } {
  const clients: FakeClient[] = []
  class Recorded extends FakeClient {
    constructor(settings: ClientSettings) {
      super(settings)
      clients.push(this)
    }
  }
  const kafka = { KafkaConsumer: Recorded, Producer: Recorded } as unknown as KafkaModule
  return { clients, load: async () => kafka }
}
