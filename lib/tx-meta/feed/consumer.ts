import { setImmediate as nextTurn } from 'node:timers/promises'
import { messageOf, TIMER_MS_MAX, wholeNumber } from '../../errors/index.ts'
import type { FeedLogger, FeedRecord, FeedSource } from './broker.ts'
import { EntryOrder } from './entry-order.ts'
import { guardedLogger } from './guarded-logger.ts'
import { type FeedReading, readFeedMessage } from './message.ts'
import { PartitionChain } from './partition-chain.ts'

/** Where the entries of the feed go: the cache. Both copy what they keep. */
export interface FeedTarget {
  /** Best effort: what it throws is counted, and the reader falls back to the store. */
  add(txid: Uint8Array, content: Uint8Array): void
  /**
   * Has to be done before the message counts as read: what it throws has the message applied again. It has to settle within
   * a bound of its own: stopping waits for it.
   */
  delete(txid: Uint8Array): Promise<void> | void
}

export interface FeedConsumerOptions {
  readonly source: FeedSource
  readonly target: FeedTarget
  readonly logger: FeedLogger
  /**
   * Messages of one partition that wait behind one whose removals take their time, before no more are read of it. 64 by
   * default.
   */
  readonly queueRecordsMax?: number
  /** Pause between commits in milliseconds. One second by default. */
  readonly commitEveryMs?: number
  /** Pause before a message whose removal failed is applied again, in milliseconds; it doubles. 50 by default. */
  readonly retryMs?: number
}

export interface FeedCounts {
  readonly messages: number
  readonly adds: number
  readonly deletes: number
  /** Additions that the target refused, or that were passed over because the consumer could not keep up. */
  readonly addsLost: number
  /** Messages that could not be read, or not to their end. */
  readonly defects: number
  /** Attempts of messages that had to be repeated for a failed removal. */
  readonly failures: number
}

const QUEUE_RECORDS_MAX = 64
const COMMIT_EVERY_MS = 1_000
const RETRY_MS = 50

/**
 * Applies the feed to a cache (semantics 9.1.3). Messages of a partition are applied in order, one after the
 * other, also across polls; partitions do not wait for each other. A message is marked for the commit after
 * all its removals are done, and nothing behind a message that fails is.
 */
export class FeedConsumer {
  readonly #options: Required<FeedConsumerOptions>
  readonly #chains = new Map<number, PartitionChain>()
  /** Partitions that the source did not resume when it was asked. */
  readonly #unresumed = new Set<number>()
  /** A consumer that has once applied all of a partition serves live readers from then on. */
  #isCaughtUp = false
  /** The offset of each partition that was its last one when it came. */
  readonly #tails = new Map<number, number>()
  #isStopping = false
  #polling: Promise<void> | undefined
  #stopped: Promise<void> | undefined
  #lastCommit = Number.NEGATIVE_INFINITY
  readonly #counts = { messages: 0, adds: 0, deletes: 0, addsLost: 0, defects: 0, failures: 0 }

  constructor(options: FeedConsumerOptions) {
    const {
      queueRecordsMax = QUEUE_RECORDS_MAX,
      commitEveryMs = COMMIT_EVERY_MS,
      retryMs = RETRY_MS,
    } = options
    this.#options = {
      ...options,
      logger: guardedLogger(options.logger),
      queueRecordsMax: wholeNumber('queueRecordsMax', queueRecordsMax, 1, Number.MAX_SAFE_INTEGER),
      commitEveryMs: wholeNumber('commitEveryMs', commitEveryMs, 0, TIMER_MS_MAX),
      retryMs: wholeNumber('retryMs', retryMs, 1, TIMER_MS_MAX),
    }
    options.source.onRevoke(partitions => this.#release(partitions))
  }

  get counts(): FeedCounts {
    return { ...this.#counts }
  }

  /**
   * Reads until `stop`, or until the source is gone, which rejects. Either way what is being applied is let to
   * its end, what was marked is committed, and the source is closed.
   */
  async run(): Promise<void> {
    this.#polling ??= this.#poll()
    try {
      await this.#polling
    } finally {
      await this.#shutDown()
    }
  }

  /** Stops reading, and resolves when the last commit is done and the source is closed. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopping = true
    await this.#polling?.catch(() => {})
    await this.#shutDown()
  }

  async #poll(): Promise<void> {
    const { source } = this.#options
    while (!this.#isStopping) {
      for (const record of await source.poll()) this.#accept(record)
      // What waits for nothing outside this process is applied by then, however much one poll brings.
      await nextTurn()
      for (const chain of this.#chains.values()) chain.checkRoom()
      await this.#commitNowAndThen()
    }
  }

  /** A message that comes after the stop is not applied; its offset stays uncommitted, so that nothing is lost. */
  #accept(record: FeedRecord): void {
    if (this.#isStopping) return
    const { partition, offset } = record
    if (!this.#isCaughtUp && offset + 1 === this.#options.source.highWaterMark(partition))
      this.#tails.set(partition, offset)
    this.#chainOf(partition).push(record)
  }

  #chainOf(partition: number): PartitionChain {
    let chain = this.#chains.get(partition)
    if (chain === undefined) {
      const { source, logger, queueRecordsMax, retryMs } = this.#options
      chain = new PartitionChain({
        queueRecordsMax,
        retryMs,
        apply: record => this.#apply(record),
        onApplied: ({ offset }) => {
          source.mark(partition, offset)
          if (this.#tails.get(partition) === offset) this.#isCaughtUp = true
        },
        onFailed: ({ offset }, error) => {
          this.#counts.failures += 1
          const text = `a removal failed, the message is applied again: ${messageOf(error)}`
          logger.error({ event: 'feed_delete_failed', partition, offset, err: error }, text)
        },
        onFull: () => this.#tell(partition, 'pause'),
        onRoom: () => this.#tell(partition, 'resume'),
      })
      this.#chains.set(partition, chain)
    }
    return chain
  }

  /** A source that refuses must not stop the chain. It is asked to resume again, or nothing would come any more. */
  #tell(partition: number, what: 'pause' | 'resume'): void {
    const { source, logger } = this.#options
    this.#unresumed.delete(partition)
    try {
      source[what](partition)
    } catch (error) {
      if (what === 'resume') this.#unresumed.add(partition)
      const text = `the source does not ${what} a partition: ${messageOf(error)}`
      logger.warn({ event: `feed_${what}_failed`, partition, err: error }, text)
    }
  }

  /** Rejects for a failed removal only: a message that cannot be read would never get better. */
  async #apply(record: FeedRecord): Promise<void> {
    this.#counts.messages += 1
    const { value } = record
    if (value === null || value === undefined) return
    // Live readers are better served by fresh entries soon than by old ones late; removals are never passed over.
    const isBehind = this.#isCaughtUp && this.#chains.get(record.partition)?.isFull === true
    const entries = new EntryOrder()
    const reading = readFeedMessage(value, {
      add: (txid, content) => {
        if (entries.isWaiting) entries.apply(() => this.#add(txid, content, isBehind))
        else this.#add(txid, content, isBehind)
      },
      delete: txid => entries.apply(() => this.#delete(txid)),
    })
    this.#report(record, reading, isBehind)
    await entries.ended()
  }

  #add(txid: Uint8Array, content: Uint8Array, isBehind: boolean): void {
    try {
      if (isBehind) this.#counts.addsLost += 1
      else {
        this.#options.target.add(txid, content)
        this.#counts.adds += 1
      }
    } catch {
      this.#counts.addsLost += 1
    }
  }

  #delete(txid: Uint8Array): Promise<void> | void {
    this.#counts.deletes += 1
    return this.#options.target.delete(txid)
  }

  #report({ partition, offset }: FeedRecord, { entries, defect }: FeedReading, isBehind: boolean): void {
    const { logger } = this.#options
    if (defect !== undefined) {
      this.#counts.defects += 1
      const text = `a message cannot be read to its end: ${defect}`
      logger.warn({ event: 'feed_message_defect', partition, offset, entries }, text)
    }
    if (isBehind)
      logger.warn({ event: 'feed_adds_dropped', partition, offset }, 'the consumer cannot keep up')
  }

  async #commitNowAndThen(): Promise<void> {
    const now = performance.now()
    if (now - this.#lastCommit < this.#options.commitEveryMs) return
    this.#lastCommit = now
    for (const partition of [...this.#unresumed]) this.#tell(partition, 'resume')
    await this.#commit()
  }

  /** What is not committed is delivered again, and applied again without harm. */
  async #commit(): Promise<void> {
    try {
      await this.#options.source.commit()
    } catch (error) {
      this.#options.logger.warn({ event: 'feed_commit_failed', err: error }, messageOf(error))
    }
  }

  /**
   * Another consumer takes the partitions over: nothing of them may be applied or committed after this. Until it
   * is done a stopped chain stays for each, which drops what comes late: a second one would not know of a removal
   * that the first has not got done, and mark past it.
   */
  async #release(partitions: readonly number[]): Promise<void> {
    await Promise.all(partitions.map(partition => this.#chainOf(partition).stop()))
    await this.#commit()
    for (const partition of partitions) {
      // It may come back, and its next chain would not know.
      if (!this.#isStopping && this.#chains.get(partition)?.isFull) this.#tell(partition, 'resume')
      this.#chains.delete(partition)
      this.#tails.delete(partition)
      this.#unresumed.delete(partition)
    }
  }

  #shutDown(): Promise<void> {
    this.#isStopping = true
    this.#stopped ??= this.#release([...this.#chains.keys()]).then(() => this.#options.source.close())
    return this.#stopped
  }
}
