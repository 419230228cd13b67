import pRetry from 'p-retry'
import { InvalidArgumentError, messageOf, StoreError, TIMER_MS_MAX, wholeNumber } from '../../errors/index.ts'
import type { FeedLogger, FeedSink } from './broker.ts'
import { guardedLogger } from './guarded-logger.ts'
import {
  AMBIGUOUS_ENTRIES,
  encodeFeedMessage,
  type FeedEntry,
  type FeedVersion,
  feedEntryBytes,
  TXID_BYTES,
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
  /**
   * Bytes of the entries that the broker does not have yet, in all partitions. Beyond it additions are passed over
   * and counted as lost; removals are always kept. 64 MiB by default.
   */
  readonly queuedBytesMax?: number
}

const ENTRIES_MAX = 1_024
const BYTES_MAX = 900_000
const LINGER_MS = 10
/** Beyond the entries as version 1 has them: a hash for each, and the header. */
const OVERHEAD_BYTES = 8
/** Far more than a broker has. */
const PARTITIONS_MAX = 1_000_000
const RETRIES = 5
const RETRIES_MAX = 1_000
const RETRY_MS = 100
const QUEUED_BYTES_MAX = 64 * 2 ** 20

interface Waiting {
  readonly entry: FeedEntry
  readonly bytes: number
  /** Of a removal: whoever asked for it hears how it ended. */
  readonly settle?: (error?: StoreError) => void
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
  /** Of the entries that wait for company, for their turn, or for the broker. */
  #queuedBytes = 0
  #isPassingOver = false
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
    queuedBytesMax = QUEUED_BYTES_MAX,
  }: FeedProducerOptions) {
    if (version !== 1 && version !== 2) throw new InvalidArgumentError('version', '1 or 2', version)
    wholeNumber('sink.partitions', sink.partitions, 1, PARTITIONS_MAX)
    this.#options = {
      sink,
      logger: guardedLogger(logger),
      version,
      entriesMax: wholeNumber('entriesMax', entriesMax, 1, Number.MAX_SAFE_INTEGER),
      bytesMax: wholeNumber('bytesMax', bytesMax, 1, Number.MAX_SAFE_INTEGER),
      lingerMs: wholeNumber('lingerMs', lingerMs, 0, TIMER_MS_MAX),
      retries: wholeNumber('retries', retries, 0, RETRIES_MAX),
      retryMs: wholeNumber('retryMs', retryMs, 0, TIMER_MS_MAX),
      queuedBytesMax: wholeNumber('queuedBytesMax', queuedBytesMax, 1, Number.MAX_SAFE_INTEGER),
    }
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

  /**
   * Best effort: a failure is counted and logged, and fails nobody. Txid and content are copied. Throws
   * `INVALID_ARGUMENT` for a txid that is not 32 bytes, or content that is not bytes.
   */
  add(txid: Uint8Array, content: Uint8Array): void {
    this.#checkOpen()
    const entry: FeedEntry = { action: 'add', txid: txidOf(txid), content: contentOf(content) }
    const bytes = bytesOf(entry)
    if (this.#queuedBytes + bytes <= this.#options.queuedBytesMax) this.#enqueue({ entry, bytes })
    else this.#passOver()
  }

  /**
   * Resolves when the broker has the removal; rejects with `SERVICE_UNAVAILABLE` when it did not take it after all
   * attempts, and with `INVALID_ARGUMENT` for a txid that is not 32 bytes.
   */
  async delete(txid: Uint8Array): Promise<void> {
    this.#checkOpen()
    const entry: FeedEntry = { action: 'delete', txid: txidOf(txid) }
    return new Promise((resolve, reject) => {
      const settle = (error?: StoreError): void => (error === undefined ? resolve() : reject(error))
      this.#enqueue({ entry, bytes: bytesOf(entry), settle })
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

  #enqueue(waiting: Waiting): void {
    const partition = partitionOf(waiting.entry.txid, this.#lanes.length)
    const lane = this.#lane(partition)
    // A message that no broker takes would lose the removals in it, too.
    if (lane.bytes + waiting.bytes > this.#options.bytesMax) this.#send(partition)
    lane.waiting.push(waiting)
    lane.bytes += waiting.bytes
    this.#queuedBytes += waiting.bytes
    if (lane.waiting.length >= this.#options.entriesMax) this.#send(partition)
    else lane.timer ??= setTimeout(() => this.#send(partition), this.#options.lingerMs)
  }

  /** A cache that misses asks the store; a broker that is away must not cost all memory. */
  #passOver(): void {
    this.#addsLost += 1
    if (this.#isPassingOver) return
    this.#isPassingOver = true
    const { logger, queuedBytesMax } = this.#options
    logger.warn(
      { event: 'feed_adds_dropped', queuedBytes: this.#queuedBytes, queuedBytesMax },
      'the broker does not take the feed fast enough: additions are passed over',
    )
  }

  #left(waiting: readonly Waiting[]): void {
    for (const { bytes } of waiting) this.#queuedBytes -= bytes
    // Half of the room, so that one episode is told of once.
    if (this.#queuedBytes <= this.#options.queuedBytesMax / 2) this.#isPassingOver = false
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
      await pRetry(() => attempt(() => sink.send(partition, key, value)), {
        retries: removals.length > 0 ? retries : 0,
        minTimeout: retryMs,
        maxTimeout: TIMER_MS_MAX,
      })
      for (const settle of removals) settle()
    } catch (error) {
      this.#addsLost += entries.length - removals.length
      const failure = new StoreError('SERVICE_UNAVAILABLE', 'the removal was not published', { cause: error })
      for (const settle of removals) settle(failure)
      const counts = { entries: entries.length, removals: removals.length }
      logger.error(
        { event: 'feed_send_failed', partition, ...counts, err: error },
        `a message of the feed was not taken: ${messageOf(error)}`,
      )
    } finally {
      this.#left(waiting)
    }
  }

  #lane(partition: number): Lane {
    return this.#lanes[partition] as Lane // partitions of the sink, made in the constructor
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new StoreError('SERVICE_UNAVAILABLE', 'the producer of the feed is closed')
  }
}

/** p-retry gives up at a TypeError, and at what is no error: a sink may reject with either for a broker that is away. */
async function attempt(send: () => Promise<void>): Promise<void> {
  try {
    await send()
  } catch (error) {
    throw error instanceof Error && !(error instanceof TypeError)
      ? error
      : new Error(messageOf(error), { cause: error })
  }
}

/** By the txid alone, so that all entries of a transaction share a partition; txids are hashes and spread evenly. */
export function partitionOf(txid: Uint8Array, partitions: number): number {
  return Buffer.from(txid.buffer, txid.byteOffset, txid.byteLength).readUInt32LE(0) % partitions
}

/** A copy. What is wrong must not come into a message, which would be lost with all others in it. */
function txidOf(txid: unknown): Uint8Array {
  if (txid instanceof Uint8Array && txid.length === TXID_BYTES) return Uint8Array.from(txid)
  throw new InvalidArgumentError('txid', `a Uint8Array of ${TXID_BYTES} bytes`, txid)
}

function contentOf(content: unknown): Uint8Array {
  if (content instanceof Uint8Array) return Uint8Array.from(content)
  throw new InvalidArgumentError('content', 'a Uint8Array', content)
}

function bytesOf(entry: FeedEntry): number {
  return feedEntryBytes(entry) + OVERHEAD_BYTES
}
