import { PARTITION_COUNT, partitionId, RESULT_CODES } from '../../protocol/index.ts'
import { aerospikeMs, aerospikeSeconds, type Clock } from '../clock.ts'
import { CommandError } from '../command-error.ts'
import { SecondaryIndexes } from '../indexes/secondary-indexes.ts'
import { type EncodableBins, EncodedBins } from './encodable-bins.ts'
import { isExpired } from './expiry.ts'
import { DEFAULT_NAMESPACE_CONFIG, type NamespaceConfig } from './namespace-config.ts'
import { NamespaceStatistics } from './namespace-statistics.ts'
import { Partition } from './partition.ts'
import type { RecordFollower, StoredBins } from './record-follower.ts'
import type { RecordImage, RecordState, RecordWrite } from './record-image.ts'
import type { RecordSet } from './record-set.ts'
import { RecordSets } from './record-sets.ts'
import { recordSizeBytes } from './record-size.ts'
import { Slabs } from './slabs.ts'
import { nextGeneration, recordId, StoredRecord } from './stored-record.ts'

/** Records that are looked at, when many are removed, before others get their turn. */
const RECORDS_PER_STEP = 5_000

/**
 * The records of a namespace. Every change goes through `write`, `touch` or `remove`, so that counters (and
 * whatever else follows records) stay true; nothing in here takes effect by halves.
 */
export class Namespace {
  readonly name: string
  readonly config: NamespaceConfig
  readonly statistics = new NamespaceStatistics()
  readonly indexes: SecondaryIndexes
  readonly #clock: Clock
  readonly #sets = new RecordSets()
  readonly #slabs = new Slabs()
  readonly #partitions: readonly Partition[] = Array.from({ length: PARTITION_COUNT }, () => new Partition())
  readonly #followers: RecordFollower[] = []
  #objects = 0
  #dataUsedBytes = 0
  #truncateBeforeMs = 0

  constructor(name: string, clock: Clock, config: Partial<NamespaceConfig> = {}) {
    this.name = name
    this.#clock = clock
    this.config = { ...DEFAULT_NAMESPACE_CONFIG, ...config }
    this.indexes = new SecondaryIndexes(this)
    this.follow(this.indexes)
  }

  get objects(): number {
    return this.#objects
  }

  get dataUsedBytes(): number {
    return this.#dataUsedBytes
  }

  /** Time of the last truncation of the whole namespace, milliseconds since Aerospike's epoch; 0 = never. */
  get truncateBeforeMs(): number {
    return this.#truncateBeforeMs
  }

  get nowSeconds(): number {
    return aerospikeSeconds(this.#clock)
  }

  get nowMs(): number {
    return aerospikeMs(this.#clock)
  }

  sets(): IterableIterator<RecordSet> {
    return this.#sets.all()
  }

  findSet(name: string): RecordSet | undefined {
    return this.#sets.find(name)
  }

  /** The record with a digest, unless it has expired or was truncated. */
  find(digest: Buffer): StoredRecord | undefined {
    const record = this.#partitionOf(digest).get(recordId(digest))
    return record !== undefined && this.isLive(record) ? record : undefined
  }

  /** As find, and an expired record as long as it was not removed yet. */
  findExpiredToo(digest: Buffer): StoredRecord | undefined {
    const record = this.#partitionOf(digest).get(recordId(digest))
    return record !== undefined && !this.#isTruncated(record) ? record : undefined
  }

  /** Whether a record that is still here can be read. */
  isLive(record: StoredRecord): boolean {
    return !isExpired(record.voidTimeSeconds, this.nowSeconds) && !this.#isTruncated(record)
  }

  /**
   * Stores the outcome of a write command: one generation, one update time.
   *
   * @throws CommandError RECORD_TOO_BIG; PARAMETER for a set name that is too long or a set too many. Nothing
   *   is changed then.
   */
  write(change: RecordWrite): StoredRecord {
    const { digest, existing, bins, userKey, voidTimeSeconds, lastUpdateMs = this.nowMs } = change
    const setName = existing === undefined ? change.setName : (existing.set?.name ?? '')
    const sizeBytes = recordSizeBytes({ setName, userKey, voidTimeSeconds }, bins)
    if (sizeBytes > this.config.recordBytesMax) throw new CommandError(RESULT_CODES.RECORD_TOO_BIG)
    const generation = existing === undefined ? 1 : nextGeneration(existing.generation)
    const state = { digest, setName, generation, voidTimeSeconds, lastUpdateMs, userKey }
    return existing === undefined
      ? this.#create(state, bins, sizeBytes)
      : this.#replace(existing, state, bins, sizeBytes)
  }

  /**
   * Stores a record as another node has it, in place of what is here.
   *
   * @throws CommandError PARAMETER as `write` does
   */
  store(image: RecordImage): StoredRecord {
    const existing = this.findExpiredToo(image.digest)
    const bins = new EncodedBins(image)
    const sizeBytes = recordSizeBytes(image, bins)
    return existing === undefined || (existing.set?.name ?? '') !== image.setName
      ? this.#create(image, bins, sizeBytes)
      : this.#replace(existing, image, bins, sizeBytes)
  }

  /** Extends the life of a record without a write, in the same generation: what a read may ask for (protocol 5.2). */
  touch(digest: Buffer, record: StoredRecord, voidTimeSeconds: number): void {
    this.#partitionOf(digest).expiresAt(voidTimeSeconds)
    record.voidTimeSeconds = voidTimeSeconds
    record.lastUpdateMs = this.nowMs
    this.#notifyWritten(digest, record, record)
  }

  remove(digest: Buffer): void {
    const partition = this.#partitionOf(digest)
    const record = partition.get(recordId(digest))
    if (record !== undefined) this.#drop(partition, record)
  }

  /** From now on the follower hears of every change, behind the followers that were there before. */
  follow(follower: RecordFollower): void {
    this.#followers.push(follower)
  }

  /** One of its partitions. @param partitionId 0 to 4095 */
  partition(partitionId: number): Partition {
    const partition = this.#partitions[partitionId]
    if (partition === undefined) throw new RangeError(`partition ${partitionId}`)
    return partition
  }

  /**
   * Removes what has expired. When there is very much of it, the rest goes later.
   *
   * @returns how many records were removed at once
   */
  removeExpired(): number {
    const now = this.nowSeconds
    return this.#removeStepwise(partition => {
      if (partition.earliestVoidTime >= now) return 0
      const removed = this.#removeIf(partition, record => isExpired(record.voidTimeSeconds, now))
      partition.earliestVoidTime = Number.POSITIVE_INFINITY
      for (const record of partition.records()) partition.expiresAt(record.voidTimeSeconds)
      return removed
    })
  }

  /**
   * Removes the records of a set, or of the whole namespace, that were last updated before a time. None of them
   * can be found any more; if they are very many, their memory is freed later.
   *
   * @param beforeMs milliseconds since Aerospike's epoch
   */
  truncate(setName: string | undefined, beforeMs: number): void {
    const set = setName === undefined ? undefined : this.#sets.find(setName)
    if (set !== undefined) set.truncateBeforeMs = Math.max(set.truncateBeforeMs, beforeMs)
    else if (setName === undefined) this.#truncateBeforeMs = Math.max(this.#truncateBeforeMs, beforeMs)
    if ((set ?? this).objects === 0 || (setName !== undefined && set === undefined)) return
    this.#removeStepwise(partition => this.#removeIf(partition, record => this.#isTruncated(record)))
  }

  /** Removes all records of a partition, which another node has now. @param partitionId 0 to 4095 */
  clearPartition(partitionId: number): void {
    const partition = this.partition(partitionId)
    this.#removeIf(partition, () => true)
    partition.earliestVoidTime = Number.POSITIVE_INFINITY
  }

  #create(state: RecordState, bins: EncodableBins, sizeBytes: number): StoredRecord {
    const { digest } = state
    const set = this.#sets.ensure(state.setName)
    const partition = this.#partitionOf(digest)
    const id = recordId(digest)
    const expired = partition.get(id)
    if (expired !== undefined) this.#drop(partition, expired)
    const record = new StoredRecord(
      id,
      set,
      state.generation,
      state.voidTimeSeconds,
      state.lastUpdateMs,
      state.userKey,
    )
    this.#slabs.put(record, bins)
    record.sizeBytes = sizeBytes
    partition.add(record)
    this.#objects++
    if (set !== undefined) set.objects++
    this.#account(record, 1)
    this.#notifyWritten(digest, record, undefined)
    return record
  }

  #replace(record: StoredRecord, state: RecordState, bins: EncodableBins, sizeBytes: number): StoredRecord {
    const before = { bins: record.bins, binCount: record.binCount }
    this.#account(record, -1)
    this.#slabs.put(record, bins)
    record.sizeBytes = sizeBytes
    record.generation = state.generation
    record.voidTimeSeconds = state.voidTimeSeconds
    record.lastUpdateMs = state.lastUpdateMs
    record.userKey = state.userKey
    this.#account(record, 1)
    this.#partitionOf(state.digest).expiresAt(state.voidTimeSeconds)
    this.#notifyWritten(state.digest, record, before)
    return record
  }

  #isTruncated({ set, lastUpdateMs }: StoredRecord): boolean {
    return lastUpdateMs < this.#truncateBeforeMs || (set !== undefined && lastUpdateMs < set.truncateBeforeMs)
  }

  /** Removes records of all partitions, some now and the rest later; returns how many were removed now. */
  #removeStepwise(removeFrom: (partition: Partition) => number, firstPartition = 0): number {
    let removed = 0
    let seen = 0
    for (let at = firstPartition; at < PARTITION_COUNT; at++) {
      const partition = this.partition(at)
      seen += partition.size
      removed += removeFrom(partition)
      if (seen < RECORDS_PER_STEP) continue
      setImmediate(() => this.#removeStepwise(removeFrom, at + 1))
      break
    }
    return removed
  }

  #removeIf(partition: Partition, condition: (record: StoredRecord) => boolean): number {
    let removed = 0
    for (const record of partition.records()) {
      if (!condition(record)) continue
      this.#drop(partition, record)
      removed++
    }
    return removed
  }

  #drop(partition: Partition, record: StoredRecord): void {
    partition.delete(record.id)
    this.#objects--
    if (record.set !== undefined) record.set.objects--
    this.#account(record, -1)
    this.#slabs.drop(record)
    if (this.#followers.length === 0) return
    const { digest } = record
    for (const follower of this.#followers) follower.removed(digest, record)
  }

  #notifyWritten(digest: Buffer, record: StoredRecord, before: StoredBins | undefined): void {
    for (const follower of this.#followers) follower.written(digest, record, before)
  }

  /** Adds the size of a record to the counters, or takes it off. */
  #account(record: StoredRecord, sign: 1 | -1): void {
    const bytes = sign * record.sizeBytes
    this.#dataUsedBytes += bytes
    if (record.set !== undefined) record.set.dataUsedBytes += bytes
  }

  #partitionOf(digest: Buffer): Partition {
    return this.partition(partitionId(digest))
  }
}
