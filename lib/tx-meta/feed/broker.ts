/** A message as a broker delivers it. */
export interface FeedRecord {
  readonly partition: number
  readonly offset: number
  /** Null or undefined where the broker has a tombstone. */
  readonly value: Uint8Array | null | undefined
}

/** What the consumer needs of a broker. Kafka is one; the tests have another, driven by a seed. */
export interface FeedSource {
  /**
   * Resolves with what has arrived, which may be nothing; waits a bounded time. Of each partition the records
   * come in the order of their offsets. Rejects when the broker is gone for good.
   */
  poll(): Promise<readonly FeedRecord[]>
  /** Everything of the partition up to this offset, itself included, may be committed. */
  mark(partition: number, offset: number): void
  /** Commits what was marked. */
  commit(): Promise<void>
  /** Offset that the next message of the partition will get; undefined while it is not known. */
  highWaterMark(partition: number): number | undefined
  /** Delivers nothing of the partition until it is resumed: what has come in has to be worked off first. */
  pause(partition: number): void
  resume(partition: number): void
  /** Called before partitions go to another consumer; the broker waits for it. */
  onRevoke(handler: (partitions: readonly number[]) => Promise<void>): void
  close(): Promise<void>
}

/** What the producer needs of a broker. */
export interface FeedSink {
  /** Number of partitions of the topic. */
  readonly partitions: number
  /**
   * Resolves when the broker has the message. `key` goes along for other readers; the partition is as given. It has to settle
   * within a bound of its own: flushing and closing wait for it.
   */
  send(partition: number, key: Uint8Array, value: Uint8Array): Promise<void>
}

export interface FeedLogger {
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
