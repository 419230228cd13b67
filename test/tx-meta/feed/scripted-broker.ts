import type { FeedRecord, FeedSink, FeedSource } from '../../../lib/tx-meta/feed/broker.ts'

/** A topic in memory, with the offsets that one group of consumers has committed. */
export class ScriptedTopic implements FeedSink {
  readonly partitions: number
  readonly logs: Uint8Array[][]
  readonly committed: number[]
  /** Called before a message is taken: a broker that fails throws here. */
  onSend: (partition: number) => void = () => {}

  constructor(partitions: number) {
    this.partitions = partitions
    this.logs = Array.from({ length: partitions }, () => [])
    this.committed = new Array(partitions).fill(0)
  }

  async send(partition: number, _key: Uint8Array, value: Uint8Array): Promise<void> {
    await undefined
    this.onSend(partition)
    this.logs[partition]?.push(value)
  }
}

/** One consumer of a topic: delivers from the committed offsets on, one turn of the event loop for each poll. */
export class ScriptedSource implements FeedSource {
  readonly topic: ScriptedTopic
  /** Messages of one poll. */
  readonly pollRecordsMax: number
  readonly paused = new Set<number>()
  readonly events: string[] = []
  isClosed = false
  failure: Error | undefined
  readonly #positions = new Map<number, number>()
  readonly #marked = new Map<number, number>()
  #onRevoke: (partitions: readonly number[]) => Promise<void> = async () => {}

  constructor(topic: ScriptedTopic, assigned: readonly number[], pollRecordsMax = 3) {
    this.topic = topic
    this.pollRecordsMax = pollRecordsMax
    for (const partition of assigned) this.assign(partition)
  }

  assign(partition: number): void {
    this.#positions.set(partition, this.topic.committed[partition] ?? 0)
  }

  /** The group gives the partitions to somebody else. */
  async revoke(partitions: readonly number[]): Promise<void> {
    for (const partition of partitions) this.#positions.delete(partition)
    await this.#onRevoke(partitions)
    for (const partition of partitions) this.#marked.delete(partition)
  }

  async poll(): Promise<readonly FeedRecord[]> {
    await new Promise(resolve => setImmediate(resolve))
    if (this.failure !== undefined) throw this.failure
    const records: FeedRecord[] = []
    for (const [partition, position] of this.#positions) {
      if (this.paused.has(partition)) continue
      const log = this.topic.logs[partition] ?? []
      const end = Math.min(log.length, position + this.pollRecordsMax)
      for (let offset = position; offset < end; offset++)
        records.push({ partition, offset, value: log[offset] })
      this.#positions.set(partition, end)
    }
    return records
  }

  mark(partition: number, offset: number): void {
    const before = this.#marked.get(partition) ?? -1
    if (offset <= before) throw new Error(`partition ${partition}: ${offset} marked after ${before}`)
    this.#marked.set(partition, offset)
  }

  async commit(): Promise<void> {
    this.events.push('commit')
    for (const [partition, offset] of this.#marked) this.topic.committed[partition] = offset + 1
  }

  highWaterMark(partition: number): number {
    return this.topic.logs[partition]?.length ?? 0
  }

  pause(partition: number): void {
    this.paused.add(partition)
  }

  resume(partition: number): void {
    this.paused.delete(partition)
  }

  onRevoke(handler: (partitions: readonly number[]) => Promise<void>): void {
    this.#onRevoke = handler
  }

  async close(): Promise<void> {
    this.events.push('close')
    this.isClosed = true
  }
}

export const SILENT = { warn: () => {}, error: () => {} }

const PATIENCE_MS = 20_000

/** Resolves when the condition holds; looks once in each turn of the event loop. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (performance.now() < end) {
    if (condition()) return
    await new Promise(resolve => setImmediate(resolve))
  }
  throw new Error(`it never came to this: ${what}`)
}
