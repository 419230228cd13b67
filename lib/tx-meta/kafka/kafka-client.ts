import { InvalidArgumentError, messageOf, StoreError, TIMER_MS_MAX, wholeNumber } from '../../errors/index.ts'

/** What is used of `node-rdkafka`. Its own types are there only where it is installed, which is for applications to do. */
export interface KafkaModule {
  readonly KafkaConsumer: new (settings: ClientSettings, topicSettings: ClientSettings) => RdConsumer
  readonly Producer: new (settings: ClientSettings, topicSettings: ClientSettings) => RdProducer
}

/** Settings of librdkafka by name. */
export type ClientSettings = Readonly<Record<string, string | number | boolean | object>>

export interface RdPartition {
  readonly topic: string
  readonly partition: number
  readonly offset?: number
}

export interface RdMessage {
  readonly partition: number
  readonly offset: number
  readonly value: Uint8Array | null
}

export interface RdMetadata {
  readonly brokers: readonly { readonly host: string; readonly port: number }[]
  readonly topics: readonly { readonly name: string; readonly partitions: readonly unknown[] }[]
}

export interface RdError extends Error {
  readonly code: number
}

type Callback<Result> = (error: RdError | null | undefined, result: Result) => void

interface RdClient {
  connect(options: { timeout: number; topic?: string }, callback: Callback<RdMetadata>): void
  getMetadata(options: { timeout: number; topic?: string }, callback: Callback<RdMetadata>): void
  disconnect(callback: Callback<unknown>): void
  on(event: 'event.error', listener: (error: RdError) => void): void
}

export interface RdConsumer extends RdClient {
  on(event: 'event.error', listener: (error: RdError) => void): void
  on(event: 'offset.commit', listener: (error: RdError | null | undefined) => void): void
  setDefaultConsumeTimeout(timeoutMs: number): void
  subscribe(topics: readonly string[]): void
  consume(count: number, callback: Callback<readonly RdMessage[]>): void
  assign(partitions: readonly RdPartition[]): void
  unassign(): void
  commit(offsets: readonly RdPartition[]): void
  getWatermarkOffsets(topic: string, partition: number): { readonly highOffset: number }
  pause(partitions: readonly RdPartition[]): void
  resume(partitions: readonly RdPartition[]): void
}

export interface RdProducer extends RdClient {
  on(event: 'event.error', listener: (error: RdError) => void): void
  on(
    event: 'delivery-report',
    listener: (error: RdError | null | undefined, report: { readonly opaque: unknown }) => void,
  ): void
  produce(
    topic: string,
    partition: number,
    value: Uint8Array,
    key: Uint8Array,
    timestamp: undefined,
    opaque: unknown,
  ): void
  poll(): void
}

export interface KafkaOptions {
  /** `host:port`, of any brokers of the cluster. */
  readonly brokers: readonly string[]
  readonly topic: string
  /** Further settings of librdkafka by name, such as those of TLS and of the log-in. */
  readonly clientSettings?: ClientSettings | undefined
  /** How long the first connection may take, in milliseconds. 30,000 by default. */
  readonly connectTimeoutMs?: number | undefined
}

const MODULE = 'node-rdkafka'
const CONNECT_TIMEOUT_MS = 30_000

/** Loads `node-rdkafka`, an optional peer dependency. Throws `SERVICE_UNAVAILABLE` when it is not installed. */
export async function loadKafka(): Promise<KafkaModule> {
  try {
    // By a name that the compiler does not follow: it is not installed everywhere.
    const name: string = MODULE
    const loaded = (await import(name)) as { default: KafkaModule }
    return loaded.default
  } catch (error) {
    throw new StoreError(
      'SERVICE_UNAVAILABLE',
      `the feed on Kafka needs the package ${MODULE}; install it beside this one (npm install ${MODULE}): ${messageOf(error)}`,
      { cause: error },
    )
  }
}

/** Settings of both kinds of client. Throws `INVALID_ARGUMENT` for wrong options. */
export function commonSettings({
  brokers,
  topic,
  clientSettings,
  connectTimeoutMs = CONNECT_TIMEOUT_MS,
}: KafkaOptions): ClientSettings {
  if (!Array.isArray(brokers) || brokers.length === 0)
    throw new InvalidArgumentError('brokers', 'an array of at least one host:port', brokers)
  if (typeof topic !== 'string' || topic === '') throw new InvalidArgumentError('topic', 'a name', topic)
  wholeNumber('connectTimeoutMs', connectTimeoutMs, 1, TIMER_MS_MAX)
  return { 'metadata.broker.list': brokers.join(), 'socket.keepalive.enable': true, ...clientSettings }
}

/** Connects, and returns what the cluster tells about itself and the topic. */
export async function connected(client: RdClient, options: KafkaOptions): Promise<RdMetadata> {
  const { topic, connectTimeoutMs: timeout = CONNECT_TIMEOUT_MS } = options
  return new Promise((resolve, reject) => {
    client.connect({ timeout, topic }, (error, metadata) => {
      if (error) reject(kafkaError('connecting to Kafka', error))
      else resolve(metadata)
    })
  })
}

export function disconnected(client: RdClient): Promise<void> {
  return new Promise(resolve => client.disconnect(() => resolve()))
}

export function kafkaError(what: string, error: unknown): StoreError {
  return new StoreError('SERVICE_UNAVAILABLE', `${what}: ${messageOf(error)}`, { cause: error })
}
