import { PARTITION_COUNT, partitionId, RESULT_CODES } from '../../protocol/index.ts'
import { aerospikeMs, aerospikeSeconds, type Clock } from '../clock.ts'
import { CommandError } from '../command-error.ts'
import type { BinList } from './bin-list.ts'
import { isExpired, NEVER_EXPIRES } from './expiry.ts'
import { DEFAULT_NAMESPACE_CONFIG, type NamespaceConfig } from './namespace-config.ts'
import { NamespaceStatistics } from './namespace-statistics.ts'
import { RecordSet } from './record-set.ts'
import { nextGeneration, StoredRecord, storedBytes } from './stored-record.ts'

const SET_NAME_BYTES_MAX = 63
const SETS_MAX = 4095

/** What a write makes of a record. */
export interface RecordWrite {
  readonly digest: Buffer
  /** The live record that is changed, or undefined when one is created (in place of an expired one, too). */
  readonly existing: StoredRecord | undefined
  readonly setName: string
  readonly bins: BinList
  readonly voidTimeSeconds: number
  readonly userKey: Buffer | undefined
}

/** One of the 4,096 partitions of a namespace. */
interface Partition {
  /** By digest (latin1). */
  readonly records: Map<string, StoredRecord>
  /** No record here expires before: spares the sweep looking at every record. */
  earliestVoidTime: number
}

/**
 * The records of a namespace. Every change goes through `write`, `touch` or `remove`, so that counters (and
 * whatever else follows records) stay true; nothing in here takes effect by halves.
 */
export class Namespace {
  readonly name: string
  readonly config: NamespaceConfig
  readonly statistics = new NamespaceStatistics()
  readonly #clock: Clock
  readonly #sets = new Map<string, RecordSet>()
  readonly #partitions: readonly Partition[] = Array.from({ length: PARTITION_COUNT }, () => ({
    records: new Map(),
    earliestVoidTime: Number.POSITIVE_INFINITY,
  }))
  #objects = 0
  #dataUsedBytes = 0
  #truncateBeforeMs = 0

  constructor(name: string, clock: Clock, config: Partial<NamespaceConfig> = {}) {
    this.name = name
    this.#clock = clock
    this.config = { ...DEFAULT_NAMESPACE_CONFIG, ...config }
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
    return this.#sets.values()
  }

  findSet(name: string): RecordSet | undefined {
    return this.#sets.get(name)
  }

  /** The record with a digest, unless it has expired. */
  find(digest: Buffer): StoredRecord | undefined {
    const record = this.findExpiredToo(digest)
    return record !== undefined && isExpired(record.voidTimeSeconds, this.nowSeconds) ? undefined : record
  }

  /** As find, and an expired record as long as it was not removed yet. */
  findExpiredToo(digest: Buffer): StoredRecord | undefined {
    return this.#partition(digest).records.get(recordId(digest))
  }

  /**
   * Stores the outcome of a write command: one generation, one update time.
   *
   * @throws CommandError RECORD_TOO_BIG; PARAMETER for a set name that is too long or a set too many. Nothing
   *   is changed then.
   */
  write(change: RecordWrite): StoredRecord {
    const { digest, existing, bins, userKey, voidTimeSeconds } = change
    const setName = existing === undefined ? change.setName : (existing.set?.name ?? '')
    const sizeBytes = storedBytes(bins.encodedBytes, bins.count, setName, userKey)
    if (sizeBytes > this.config.recordBytesMax) throw new CommandError(RESULT_CODES.RECORD_TOO_BIG)
    if (existing === undefined) return this.#create(change)
    this.#account(existing, -1)
    existing.bins = bins.encode()
    existing.binCount = bins.count
    existing.generation = nextGeneration(existing.generation)
    existing.voidTimeSeconds = voidTimeSeconds
    existing.lastUpdateMs = this.nowMs
    existing.userKey = userKey
    this.#account(existing, 1)
    expiresAt(this.#partition(digest), voidTimeSeconds)
    return existing
  }

  /** Extends the life of a record without a write: what a read may ask for (protocol 5.2). */
  touch(digest: Buffer, record: StoredRecord, voidTimeSeconds: number): void {
    expiresAt(this.#partition(digest), voidTimeSeconds)
    record.voidTimeSeconds = voidTimeSeconds
    record.generation = nextGeneration(record.generation)
    record.lastUpdateMs = this.nowMs
  }

  remove(digest: Buffer): void {
    const id = recordId(digest)
    const partition = this.#partition(digest)
    const record = partition.records.get(id)
    if (record !== undefined) this.#drop(partition, id, record)
  }

  /** Removes what has expired; returns how many records that were. */
  removeExpired(): number {
    const now = this.nowSeconds
    let removed = 0
    for (const partition of this.#partitions) {
      if (partition.earliestVoidTime >= now) continue
      removed += this.#removeIf(partition, record => isExpired(record.voidTimeSeconds, now))
      partition.earliestVoidTime = Number.POSITIVE_INFINITY
      for (const record of partition.records.values()) expiresAt(partition, record.voidTimeSeconds)
    }
    return removed
  }

  /**
   * Removes the records of a set, or of the whole namespace, that were last updated before a time.
   *
   * @param beforeMs milliseconds since Aerospike's epoch
   */
  truncate(setName: string | undefined, beforeMs: number): void {
    if (setName === undefined) {
      this.#truncateBeforeMs = Math.max(this.#truncateBeforeMs, beforeMs)
      this.#removeEverywhere(record => record.lastUpdateMs < beforeMs)
      return
    }
    const set = this.#sets.get(setName)
    if (set === undefined) return
    set.truncateBeforeMs = Math.max(set.truncateBeforeMs, beforeMs)
    if (set.objects > 0) {
      this.#removeEverywhere(record => record.set === set && record.lastUpdateMs < beforeMs)
    }
  }

  #create(change: RecordWrite): StoredRecord {
    const { digest, bins } = change
    const set = this.#ensureSet(change.setName)
    const id = recordId(digest)
    const partition = this.#partition(digest)
    const expired = partition.records.get(id)
    if (expired !== undefined) this.#drop(partition, id, expired)
    const record = new StoredRecord(
      set,
      bins.encode(),
      bins.count,
      1,
      change.voidTimeSeconds,
      this.nowMs,
      change.userKey,
    )
    partition.records.set(id, record)
    expiresAt(partition, change.voidTimeSeconds)
    this.#objects++
    if (set !== undefined) set.objects++
    this.#account(record, 1)
    return record
  }

  #ensureSet(name: string): RecordSet | undefined {
    if (name === '') return undefined
    const known = this.#sets.get(name)
    if (known !== undefined) return known
    if (name.length > SET_NAME_BYTES_MAX || this.#sets.size >= SETS_MAX) {
      throw new CommandError(RESULT_CODES.PARAMETER)
    }
    const set = new RecordSet(name)
    this.#sets.set(name, set)
    return set
  }

  #removeEverywhere(condition: (record: StoredRecord) => boolean): void {
    for (const partition of this.#partitions) this.#removeIf(partition, condition)
  }

  #removeIf(partition: Partition, condition: (record: StoredRecord) => boolean): number {
    let removed = 0
    for (const [id, record] of partition.records) {
      if (!condition(record)) continue
      this.#drop(partition, id, record)
      removed++
    }
    return removed
  }

  #drop(partition: Partition, id: string, record: StoredRecord): void {
    partition.records.delete(id)
    this.#objects--
    if (record.set !== undefined) record.set.objects--
    this.#account(record, -1)
  }

  /** Adds the size of a record to the counters, or takes it off. */
  #account(record: StoredRecord, sign: 1 | -1): void {
    const bytes = sign * record.sizeBytes
    this.#dataUsedBytes += bytes
    if (record.set !== undefined) record.set.dataUsedBytes += bytes
  }

  #partition(digest: Buffer): Partition {
    const partition = this.#partitions[partitionId(digest)]
    if (partition === undefined) throw new RangeError('partition id out of range')
    return partition
  }
}

function expiresAt(partition: Partition, voidTimeSeconds: number): void {
  if (voidTimeSeconds !== NEVER_EXPIRES && voidTimeSeconds < partition.earliestVoidTime) {
    partition.earliestVoidTime = voidTimeSeconds
  }
}

function recordId(digest: Buffer): string {
  return digest.toString('latin1')
}
