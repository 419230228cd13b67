import { RESULT_CODES } from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import type { Namespace } from '../storage/namespace.ts'
import type { RecordFollower, StoredBins } from '../storage/record-follower.ts'
import type { StoredRecord } from '../storage/stored-record.ts'
import {
  INDEX_COLLECTIONS,
  type IndexDefinition,
  type IndexSource,
  isSameSource,
  isSameValues,
} from './index-definition.ts'
import { SecondaryIndex } from './secondary-index.ts'

/** Indexes of a namespace at most, as on a real server. */
const INDEXES_MAX = 256
/** A new index is filled with this many records at a time, so that others are served in between. */
const RECORDS_PER_STEP = 2_000

const NO_INDEXES: readonly SecondaryIndex[] = []

/** The secondary indexes of a namespace, which follow its records. */
export class SecondaryIndexes implements RecordFollower {
  readonly #namespace: Namespace
  readonly #byName = new Map<string, SecondaryIndex>()
  /** The indexes that hold the records of a set; filled when asked for. */
  readonly #bySet = new Map<string, readonly SecondaryIndex[]>()

  constructor(namespace: Namespace) {
    this.#namespace = namespace
  }

  get size(): number {
    return this.#byName.size
  }

  /**
   * Creates an index. It may be queried when the records that are there have been added: at once if they are
   * few. One with the same source is renamed, one with the same name and source is left alone.
   *
   * @throws CommandError SINDEX_FOUND when the name has another source, SINDEX_MAX_COUNT, PARAMETER for a context
   *   or an expression that is none
   */
  create(definition: IndexDefinition): void {
    const named = this.#byName.get(definition.name)
    if (named !== undefined) {
      if (isSameSource(named.definition, definition)) return
      throw new CommandError(RESULT_CODES.SINDEX_FOUND)
    }
    const same = this.#all(index => isSameSource(index.definition, definition))[0]
    if (same !== undefined) {
      this.#byName.delete(same.definition.name)
      same.definition = definition
      this.#byName.set(definition.name, same)
      return
    }
    if (this.#byName.size >= INDEXES_MAX) throw new CommandError(RESULT_CODES.SINDEX_MAX_COUNT)
    const index = new SecondaryIndex(this.#namespace, definition)
    this.#byName.set(definition.name, index)
    this.#bySet.clear()
    this.#fill(index)
  }

  /** Drops an index; one that is not there is fine. */
  drop(name: string): void {
    if (this.#byName.delete(name)) this.#bySet.clear()
  }

  definitions(): IndexDefinition[] {
    return this.#all(() => true).map(({ definition }) => definition)
  }

  all(): IterableIterator<SecondaryIndex> {
    return this.#byName.values()
  }

  find(name: string): SecondaryIndex | undefined {
    return this.#byName.get(name)
  }

  /** How many indexes are on values of a set: those on the whole namespace do not count. */
  countOn(setName: string): number {
    return this.#all(
      ({ definition }) => definition.setName === setName && definition.collection !== INDEX_COLLECTIONS.SET,
    ).length
  }

  /** Whether there is an index on the records of a set as such. */
  hasSetIndex(setName: string): boolean {
    return this.#all(({ definition }) => definition.collection === INDEX_COLLECTIONS.SET).some(
      ({ definition }) => definition.setName === setName,
    )
  }

  /** The index that a query on these values of the records of a set can use, one on that set first. */
  findBySource(source: IndexSource): SecondaryIndex | undefined {
    const fitting = this.#all(index => isSameValues(index.definition, source))
    return (
      fitting.find(({ definition }) => definition.setName === source.setName) ??
      fitting.find(({ definition }) => definition.setName === '')
    )
  }

  written(_digest: Buffer, record: StoredRecord, before: StoredBins | undefined): void {
    if (this.#byName.size === 0) return
    for (const index of this.#on(record)) index.written(record, before)
  }

  removed(_digest: Buffer, record: StoredRecord): void {
    if (this.#byName.size === 0) return
    for (const index of this.#on(record)) index.removed(record)
  }

  #on(record: StoredRecord): readonly SecondaryIndex[] {
    const setName = record.set?.name ?? ''
    const known = this.#bySet.get(setName)
    if (known !== undefined) return known
    const indexes = this.#all(index => index.covers(setName))
    const kept = indexes.length === 0 ? NO_INDEXES : indexes
    this.#bySet.set(setName, kept)
    return kept
  }

  #all(condition: (index: SecondaryIndex) => boolean): SecondaryIndex[] {
    return [...this.#byName.values()].filter(condition)
  }

  /** Adds records until all are in or the step is over, and goes on later. */
  #fill(index: SecondaryIndex): void {
    if (this.#byName.get(index.definition.name) !== index) return
    const startMs = performance.now()
    let left = RECORDS_PER_STEP
    while (left > 0 && !index.isReadable) left -= index.fillNextPartition()
    index.fillMs += performance.now() - startMs
    if (!index.isReadable) setImmediate(() => this.#fill(index))
  }
}
