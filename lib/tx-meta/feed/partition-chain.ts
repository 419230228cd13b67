import { setTimeout as delay } from 'node:timers/promises'
import type { FeedRecord } from './broker.ts'

export interface PartitionChainOptions {
  /** Records that wait for their turn; from so many on the partition should be paused. */
  readonly queueRecordsMax: number
  /** Pause before a record is applied again, in milliseconds; it doubles up to five seconds. */
  readonly retryMs: number
  /** Applies one record. Rejects when it has to be applied again. */
  apply(record: FeedRecord): Promise<void>
  /** The record has been applied, and all before it. */
  onApplied(record: FeedRecord): void
  /** The record will be applied again, after a pause. */
  onFailed(record: FeedRecord, error: unknown): void
  onFull(): void
  onRoom(): void
}

const RETRY_MS_MAX = 5_000

/**
 * Applies the records of one partition one after the other. A record that fails is applied again until it
 * succeeds, and nothing after it goes on meanwhile: what is committed never passes a failure (semantics 9.1.3).
 */
export class PartitionChain {
  readonly #options: PartitionChainOptions
  readonly #stopping = new AbortController()
  #queue: FeedRecord[] = []
  /** Records whose turn has not come. */
  #waiting = 0
  #isFull = false
  #running: Promise<void> | undefined

  constructor(options: PartitionChainOptions) {
    this.#options = options
  }

  get isFull(): boolean {
    return this.#isFull
  }

  push(record: FeedRecord): void {
    if (this.#stopping.signal.aborted) return
    this.#queue.push(record)
    this.#waiting += 1
    this.#running ??= this.#run()
  }

  /**
   * Tells whether the chain has become full. Not for `push` to say: one poll may bring more than the chain should hold,
   * and all of it be applied before the next.
   */
  checkRoom(): void {
    if (this.#isFull || this.#stopping.signal.aborted || this.#waiting < this.#options.queueRecordsMax) return
    this.#isFull = true
    this.#options.onFull()
  }

  /** Lets the record in work end, and drops what waits: it is not marked, so that it is delivered again. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const queue = this.#queue
      if (queue.length === 0) break
      this.#queue = []
      await this.#applyAll(queue)
    }
    this.#running = undefined
  }

  /** Shifting a long array moves all of it: a queue is taken whole and walked. */
  async #applyAll(records: readonly FeedRecord[]): Promise<void> {
    for (const record of records) {
      this.#waiting -= 1
      if (!(await this.#applyUntilDone(record))) return
      if (this.#isFull && this.#waiting <= this.#options.queueRecordsMax / 2) {
        this.#isFull = false
        this.#options.onRoom()
      }
    }
  }

  /** False when the chain was stopped first. */
  async #applyUntilDone(record: FeedRecord): Promise<boolean> {
    const { signal } = this.#stopping
    for (
      let pauseMs = this.#options.retryMs;
      !signal.aborted;
      pauseMs = Math.min(pauseMs * 2, RETRY_MS_MAX)
    ) {
      try {
        await this.#options.apply(record)
        this.#options.onApplied(record)
        return true
      } catch (error) {
        this.#options.onFailed(record, error)
        await delay(pauseMs, undefined, { signal }).catch(() => {})
      }
    }
    return false
  }
}
