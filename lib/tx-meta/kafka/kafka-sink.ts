import { setImmediate as nextTurn } from 'node:timers/promises'
import { StoreError, TIMER_MS_MAX, wholeNumber } from '../../errors/index.ts'
import type { FeedLogger, FeedSink } from '../feed/broker.ts'
import { guardedLogger } from '../feed/guarded-logger.ts'
import {
  commonSettings,
  connected,
  disconnected,
  type KafkaModule,
  type KafkaOptions,
  kafkaError,
  loadKafka,
  type RdProducer,
} from './kafka-client.ts'

export interface KafkaSinkOptions extends KafkaOptions {
  readonly logger: FeedLogger
  /** How long librdkafka tries to deliver a message, in milliseconds. 30,000 by default. */
  readonly deliveryTimeoutMs?: number | undefined
}

const DELIVERY_TIMEOUT_MS = 30_000
/** Delivery reports are fetched so often while messages are on their way. */
const POLL_EVERY_MS = 5

type Settle = (error: Error | null | undefined) => void

/** A topic in Kafka as a `FeedProducer` needs it. */
export class KafkaSink implements FeedSink {
  readonly partitions: number
  readonly #producer: RdProducer
  readonly #topic: string
  /** Messages without a report. */
  readonly #underWay = new Set<Settle>()
  #poll: NodeJS.Timeout | undefined

  private constructor(producer: RdProducer, topic: string, partitions: number) {
    this.#producer = producer
    this.#topic = topic
    this.partitions = partitions
    producer.on('delivery-report', (error, { opaque }) => (opaque as Settle)(error))
  }

  /**
   * Connects. Throws `SERVICE_UNAVAILABLE` when `node-rdkafka` is not installed, the cluster cannot be reached, or
   * it has no such topic, and `INVALID_ARGUMENT` for wrong options.
   */
  static async open(options: KafkaSinkOptions, load = loadKafka): Promise<KafkaSink> {
    const { topic, deliveryTimeoutMs = DELIVERY_TIMEOUT_MS } = options
    const logger = guardedLogger(options.logger)
    wholeNumber('deliveryTimeoutMs', deliveryTimeoutMs, 1, TIMER_MS_MAX)
    const settings = {
      ...commonSettings(options),
      dr_cb: true,
      // Txids do not compress (semantics 9.1.4), and a message must not overtake another of its partition.
      'compression.codec': 'none',
      'enable.idempotence': true,
    }
    const kafka: KafkaModule = await load()
    const producer = new kafka.Producer(settings, { 'message.timeout.ms': deliveryTimeoutMs })
    producer.on('event.error', error =>
      logger.warn({ event: 'feed_kafka_error', err: error }, `Kafka: ${error.message}`),
    )
    const { topics } = await connected(producer, options)
    const partitions = topics.find(({ name }) => name === topic)?.partitions.length ?? 0
    if (partitions > 0) return new KafkaSink(producer, topic, partitions)
    await disconnected(producer)
    throw new StoreError('SERVICE_UNAVAILABLE', `Kafka has no topic ${topic}`)
  }

  /** Resolves when all replicas in sync have the message; rejects with `SERVICE_UNAVAILABLE`. */
  send(partition: number, key: Uint8Array, value: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle: Settle = error => {
        this.#underWay.delete(settle)
        if (this.#underWay.size === 0) this.#stopPolling()
        if (error) reject(kafkaError('sending to Kafka', error))
        else resolve()
      }
      this.#underWay.add(settle)
      this.#poll ??= setInterval(() => this.#producer.poll(), POLL_EVERY_MS)
      try {
        this.#producer.produce(this.#topic, partition, asBuffer(value), asBuffer(key), undefined, settle)
      } catch (error) {
        settle(error as Error)
      }
    })
  }

  /** Waits up to five seconds for messages under way, then disconnects; what has no report by then has failed. */
  async close(): Promise<void> {
    this.#stopPolling()
    await disconnected(this.#producer)
    // The last reports are events of their own.
    await nextTurn()
    for (const settle of this.#underWay) settle(new Error('the sink was closed'))
  }

  #stopPolling(): void {
    clearInterval(this.#poll)
    this.#poll = undefined
  }
}

/** The client takes nothing else. */
function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}
