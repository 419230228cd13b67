import pRetry from 'p-retry'
import { InvalidArgumentError, messageOf, StoreError } from '../../errors/index.ts'
import type { FeedLogger, FeedSink } from './broker.ts'
import {
  AMBIGUOUS_ENTRIES,
  encodeFeedMessage,
  type FeedEntry,
  type FeedVersion,
  feedEntryBytes,
} from './message.ts'

export interface FeedProducerOptions {
  readonly sink: FeedSink
  readonly logger: FeedLogger
  /** Entries of one message. 1,024 by default. */
  readonly entriesMax?: number
  /** Bytes of one message, as a broker takes them; one entry alone may be larger. 900,000 by default. */
  readonly bytesMax?: number
  /** 1 by default, which every reader understands. Version 2 costs a hash for each entry. */
  readonly version?: FeedVersion
  /** How long an entry waits for company, in milliseconds. 10 by default. */
  readonly lingerMs?: number
  /** Further attempts of a message with a removal. 5 by default. */
  readonly retries?: number
  /** Pause before the first of them in milliseconds; it doubles. 100 by default. */
  readonly retryMs?: number
}

const ENTRIES_MAX = 1_024
const BYTES_MAX = 900_000
const LINGER_MS = 10
/** Beyond the entries as version 1 has them: a hash for each, and the header. */
const OVERHEAD_BYTES = 8
const RETRIES = 5
const RETRY_MS = 100

interface Waiting {
  readonly entry: FeedEntry
  /** Of a removal: whoever asked for it hears how it ended. */
  readonly settle: ((error?: StoreError) => void) | undefined
}

/** The entries of one partition: those that wait for company, and the messages that went, in order. */
interface Lane {
  waiting: Waiting[]
  bytes: number
  sent: Promise<void>
  timer: NodeJS.Timeout | undefined
}

/**
 * Publishes what was added to and removed from the store (semantics 9.1.4). Entries are grouped by the partition
 * of their own txid, and the messages of a partition go one after the other: an addition and a later removal of
 * one transaction can never change places.
 */
export class FeedProducer {
  readonly #options: Required<FeedProducerOptions>
  readonly #lanes: Lane[]
  #addsLost = 0
  #isClosed = false

  constructor({
    sink,
    logger,
    entriesMax = ENTRIES_MAX,
    bytesMax = BYTES_MAX,
    version = 1,
    lingerMs = LINGER_MS,
    retries = RETRIES,
    retryMs = RETRY_MS,
  }: FeedProducerOptions) {
    if (!Number.isSafeInteger(entriesMax) || entriesMax < 1)
      throw new InvalidArgumentError('entriesMax', 'a whole number from 1', entriesMax)
    if (!Number.isSafeInteger(bytesMax) || bytesMax < 1)
      throw new InvalidArgumentError('bytesMax', 'a whole number from 1', bytesMax)
    if (version !== 1 && version !== 2) throw new InvalidArgumentError('version', '1 or 2', version)
    this.#options = { sink, logger, entriesMax, bytesMax, version, lingerMs, retries, retryMs }
    this.#lanes = Array.from({ length: sink.partitions }, () => ({
      waiting: [],
      bytes: OVERHEAD_BYTES,
      sent: Promise.resolve(),
      timer: undefined,
    }))
  }

  /** Additions that never reached the broker; readers fall back to the store. */
  get addsLost(): number {
    return this.#addsLost
  }

  /** Best effort: a failure is counted and logged, and fails nobody. Txid and content are copied. */
  add(txid: Uint8Array, content: Uint8Array): void {
    this.#checkOpen()
    this.#enqueue(
      { action: 'add', txid: Uint8Array.from(txid), content: Uint8Array.from(content) },
      undefined,
    )
  }

  /** Resolves when the broker has the removal; rejects with `SERVICE_UNAVAILABLE` when it did not take it after all attempts. */
  delete(txid: Uint8Array): Promise<void> {
    this.#checkOpen()
    return new Promise((resolve, reject) => {
      const settle = (error?: StoreError): void => (error === undefined ? resolve() : reject(error))
      this.#enqueue({ action: 'delete', txid: Uint8Array.from(txid) }, settle)
    })
  }

  /** Sends what waits, and resolves when everything before has ended. */
  async flush(): Promise<void> {
    for (const partition of this.#lanes.keys()) this.#send(partition)
    await Promise.all(this.#lanes.map(lane => lane.sent))
  }

  /** Idempotent. The sink stays open: it belongs to whoever gave it. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.flush()
  }

  #enqueue(entry: FeedEntry, settle: Waiting['settle']): void {
    const partition = partitionOf(entry.txid, this.#lanes.length)
    const lane = this.#lane(partition)
    const bytes = feedEntryBytes(entry) + OVERHEAD_BYTES
    // A message that no broker takes would lose the removals in it, too.
    if (lane.bytes + bytes > this.#options.bytesMax) this.#send(partition)
    lane.waiting.push({ entry, settle })
    lane.bytes += bytes
    if (lane.waiting.length >= this.#options.entriesMax) this.#send(partition)
    else lane.timer ??= setTimeout(() => this.#send(partition), this.#options.lingerMs)
  }

  #send(partition: number): void {
    const lane = this.#lane(partition)
    clearTimeout(lane.timer)
    lane.timer = undefined
    if (lane.waiting.length === 0) return
    const { waiting } = lane
    lane.waiting = []
    lane.bytes = OVERHEAD_BYTES
    const isAmbiguous = this.#options.version === 1 && waiting.length === AMBIGUOUS_ENTRIES
    const messages = isAmbiguous ? [waiting.slice(0, -1), waiting.slice(-1)] : [waiting]
    for (const message of messages) lane.sent = lane.sent.then(() => this.#deliver(partition, message))
  }

  async #deliver(partition: number, waiting: readonly Waiting[]): Promise<void> {
    const { sink, logger, version, retries, retryMs } = this.#options
    const entries = waiting.map(({ entry }) => entry)
    const removals = waiting.flatMap(({ settle }) => settle ?? [])
    try {
      const key = entries[0]?.txid ?? new Uint8Array(0)
      const value = encodeFeedMessage(entries, version)
      // Without a removal nothing is worth waiting for: a cache that misses asks the store.
      await pRetry(() => sink.send(partition, key, value), {
        retries: removals.length > 0 ? retries : 0,
        minTimeout: retryMs,
      })
      for (const settle of removals) settle()
    } catch (error) {
      this.#addsLost += entries.length - removals.length
      logger.error(
        {
          event: 'feed_send_failed',
          partition,
          entries: entries.length,
          removals: removals.length,
          err: error,
        },
        `a message of the feed was not taken: ${messageOf(error)}`,
      )
      const failure = new StoreError('SERVICE_UNAVAILABLE', 'the removal was not published', { cause: error })
      for (const settle of removals) settle(failure)
    }
  }

  #lane(partition: number): Lane {
    return this.#lanes[partition] as Lane // partitions of the sink, made in the constructor
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new StoreError('SERVICE_UNAVAILABLE', 'the producer of the feed is closed')
  }
}

/** By the txid alone, so that all entries of a transaction share a partition; txids are hashes and spread evenly. */
export function partitionOf(txid: Uint8Array, partitions: number): number {
  return Buffer.from(txid.buffer, txid.byteOffset, txid.byteLength).readUInt32LE(0) % partitions
}
