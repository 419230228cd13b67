import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import { InvalidArgumentError, messageOf, type StoreError, wholeNumber } from '../../errors/index.ts'
import type { FeedLogger, FeedRecord, FeedSource } from '../feed/broker.ts'
import { guardedLogger } from '../feed/guarded-logger.ts'
import {
  commonSettings,
  connected,
  disconnected,
  type KafkaModule,
  type KafkaOptions,
  kafkaError,
  loadKafka,
  type RdConsumer,
  type RdError,
  type RdPartition,
} from './kafka-client.ts'

export interface KafkaSourceOptions extends KafkaOptions {
  readonly logger: FeedLogger
  /** Consumers of a group share the partitions: each process that has a cache of its own needs a group of its own. */
  readonly groupId: string
  /** Where a group without offsets begins: at the first message that the topic still has, or at the next one. */
  readonly from?: 'earliest' | 'latest' | undefined
  /** Messages of one poll. 256 by default. */
  readonly pollRecordsMax?: number | undefined
}

const POLL_RECORDS_MAX = 256
const POLL_RECORDS_LIMIT = 1_000_000
/** The longest wait of a poll; with messages it ends at once where the end of a partition is reached. */
const POLL_MS = 100
const COMMIT_TIMEOUT_MS = 10_000
/** After an error that librdkafka overcomes by itself. */
const ERROR_PAUSE_MS = 200

type CheckedOptions = KafkaSourceOptions & {
  readonly from: 'earliest' | 'latest'
  readonly pollRecordsMax: number
}

/** Numbers of librdkafka: partitions were given, the consumer is of no use any more. */
const ASSIGN_PARTITIONS = -175
const FATAL = -150

/**
 * A topic in Kafka as a `FeedConsumer` needs it. Partitions are given and taken only while no poll is under way,
 * so that every record belongs to the assignment of its time: one that came late could be marked over others that
 * are delivered again.
 */
export class KafkaSource implements FeedSource {
  readonly #consumer: RdConsumer
  readonly #topic: string
  readonly #logger: FeedLogger
  readonly #pollRecordsMax: number
  readonly #assigned = new Set<number>()
  readonly #marked = new Map<number, number>()
  /** By the consumer. */
  readonly #paused = new Set<number>()
  /** All partitions are paused: nobody takes what arrives while a commit is waited for. */
  #isHeld = false
  #arrived: FeedRecord[] = []
  #polling: Promise<void> | undefined
  #rebalancing: Promise<void> = Promise.resolve()
  #committing: Promise<void> = Promise.resolve()
  #onCommitted: ((error: RdError | null | undefined) => void) | undefined
  #onRevoke: (partitions: readonly number[]) => Promise<void> = async () => {}
  #failure: StoreError | undefined
  #isClosed = false

  private constructor(kafka: KafkaModule, settings: Record<string, unknown>, options: CheckedOptions) {
    const { topic, logger, pollRecordsMax, from } = options
    this.#topic = topic
    this.#logger = guardedLogger(logger)
    this.#pollRecordsMax = pollRecordsMax
    const rebalance = (error: { code: number }, partitions: readonly RdPartition[]): void => {
      this.#rebalancing = this.#rebalancing.then(() => this.#rebalance(error.code, partitions))
    }
    this.#consumer = new kafka.KafkaConsumer(
      { ...settings, rebalance_cb: rebalance, offset_commit_cb: true },
      { 'auto.offset.reset': from },
    )
    this.#consumer.setDefaultConsumeTimeout(POLL_MS)
    this.#consumer.on('offset.commit', error => this.#onCommitted?.(error))
    this.#consumer.on('event.error', error => this.#report(error))
  }

  /**
   * Connects and joins the group. Throws `SERVICE_UNAVAILABLE` when `node-rdkafka` or the cluster is missing, and
   * `INVALID_ARGUMENT` for wrong options.
   */
  static async open(options: KafkaSourceOptions, load = loadKafka): Promise<KafkaSource> {
    if (typeof options.groupId !== 'string' || options.groupId === '')
      throw new InvalidArgumentError('groupId', 'a name', options.groupId)
    const { from = 'earliest', pollRecordsMax = POLL_RECORDS_MAX } = options
    if (from !== 'earliest' && from !== 'latest')
      throw new InvalidArgumentError('from', `'earliest' or 'latest'`, from)
    wholeNumber('pollRecordsMax', pollRecordsMax, 1, POLL_RECORDS_LIMIT)
    const settings = {
      ...commonSettings(options),
      'group.id': options.groupId,
      'enable.auto.commit': false,
      'enable.auto.offset.store': false,
      // Without it a poll that has got a message waits on for others.
      'enable.partition.eof': true,
      'partition.assignment.strategy': 'range,roundrobin',
    }
    const source = new KafkaSource(await load(), settings, { ...options, from, pollRecordsMax })
    await connected(source.#consumer, options)
    source.#consumer.subscribe([options.topic])
    return source
  }

  async poll(): Promise<readonly FeedRecord[]> {
    await this.#rebalancing
    if (this.#arrived.length === 0) await this.#pollOnce()
    if (this.#failure !== undefined) throw this.#failure
    const records = this.#arrived.filter(({ partition }) => this.#assigned.has(partition))
    this.#arrived = []
    this.#letGo()
    return records
  }

  mark(partition: number, offset: number): void {
    if (this.#assigned.has(partition)) this.#marked.set(partition, offset)
  }

  /** Rejects with `SERVICE_UNAVAILABLE` when the broker did not take it in time; what was marked stays so. */
  commit(): Promise<void> {
    const committing = this.#committing.then(() => this.#commit())
    this.#committing = committing.catch(() => {})
    return committing
  }

  highWaterMark(partition: number): number | undefined {
    try {
      const { highOffset } = this.#consumer.getWatermarkOffsets(this.#topic, partition)
      return highOffset < 0 ? undefined : highOffset
    } catch {
      return undefined
    }
  }

  pause(partition: number): void {
    if (!this.#assigned.has(partition)) return
    this.#paused.add(partition)
    this.#tryTo(() => this.#consumer.pause([this.#partition(partition)]))
  }

  resume(partition: number): void {
    this.#paused.delete(partition)
    if (this.#assigned.has(partition) && !this.#isClosed && !this.#isHeld)
      this.#tryTo(() => this.#consumer.resume([this.#partition(partition)]))
  }

  onRevoke(handler: (partitions: readonly number[]) => Promise<void>): void {
    this.#onRevoke = handler
  }

  /** Leaves the group. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#rebalancing
    await this.#polling
    await disconnected(this.#consumer)
  }

  /** One poll of the client at a time; it also has the client call back for commits and rebalances. */
  #pollOnce(): Promise<void> {
    this.#polling ??= this.#consume().finally(() => {
      this.#polling = undefined
    })
    return this.#polling
  }

  async #consume(): Promise<void> {
    const messages = await new Promise<readonly FeedRecord[] | RdError>(resolve => {
      this.#consumer.consume(this.#pollRecordsMax, (error, arrived) => resolve(error ?? arrived))
    })
    if (!(messages instanceof Error)) {
      for (const { partition, offset, value } of messages) this.#arrived.push({ partition, offset, value })
      // More than one poll brings, and a poll for records comes only after the last ones were taken.
      if (this.#arrived.length > this.#pollRecordsMax) this.#hold()
      return
    }
    this.#report(messages)
    await delay(ERROR_PAUSE_MS)
  }

  #hold(): void {
    if (this.#isHeld) return
    this.#isHeld = true
    this.#tryTo(() => this.#consumer.pause([...this.#assigned].map(partition => this.#partition(partition))))
  }

  #letGo(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    const held = [...this.#assigned].filter(partition => !this.#paused.has(partition))
    this.#tryTo(() => this.#consumer.resume(held.map(partition => this.#partition(partition))))
  }

  #report(error: RdError): void {
    this.#logger.warn({ event: 'feed_kafka_error', err: error }, `Kafka: ${error.message}`)
    if (error.code === FATAL) this.#failure ??= kafkaError('the consumer failed for good', error)
  }

  async #rebalance(code: number, partitions: readonly RdPartition[]): Promise<void> {
    await this.#polling
    if (code === ASSIGN_PARTITIONS) {
      this.#arrived = []
      for (const { partition } of partitions) this.#assigned.add(partition)
      this.#tryTo(() => {
        this.#consumer.assign(partitions)
        // The client remembers over assignments what was paused, and nobody would resume it.
        this.#consumer.resume(partitions)
      })
      return
    }
    // Whoever has polled has to have what came with the revocation before it is told of that.
    await nextTurn()
    try {
      if (!this.#isClosed) await this.#onRevoke(partitions.map(({ partition }) => partition))
    } catch (error) {
      this.#logger.warn({ event: 'feed_rebalance_failed', err: error }, messageOf(error))
    }
    await this.#polling
    this.#assigned.clear()
    this.#paused.clear()
    this.#isHeld = false
    this.#marked.clear()
    this.#arrived = []
    // Whatever happened before: the group waits for this.
    this.#tryTo(() => this.#consumer.unassign())
  }

  /** A client that is being closed, or has failed, refuses; its polls will tell. */
  #tryTo(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#logger.warn({ event: 'feed_rebalance_failed', err: error }, messageOf(error))
    }
  }

  async #commit(): Promise<void> {
    if (this.#marked.size === 0) return
    const marked = new Map(this.#marked)
    this.#marked.clear()
    try {
      await this.#committed(marked)
    } catch (error) {
      for (const [partition, offset] of marked) if (!this.#marked.has(partition)) this.mark(partition, offset)
      throw kafkaError('committing offsets', error)
    }
  }

  /** The client tells that a commit is done in a poll only, and nobody else polls when the end is near. */
  async #committed(marked: ReadonlyMap<number, number>): Promise<void> {
    let ended: { error: RdError | null | undefined } | undefined
    this.#onCommitted = error => {
      ended = { error }
    }
    const end = performance.now() + COMMIT_TIMEOUT_MS
    this.#consumer.commit(
      [...marked].map(([partition, offset]) => ({ ...this.#partition(partition), offset: offset + 1 })),
    )
    while (ended === undefined) {
      if (performance.now() > end) throw new Error(`no answer within ${COMMIT_TIMEOUT_MS} ms`)
      await this.#pollOnce()
    }
    if (ended.error) throw ended.error
  }

  #partition(partition: number): RdPartition {
    return { topic: this.#topic, partition }
  }
}
