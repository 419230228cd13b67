import { PARTITION_COUNT } from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import { compileExpression, type Expression, StoredSubject } from '../expressions/index.ts'
import { parseContext } from '../operations/collections/collection-request.ts'
import { findStoredBin } from '../storage/bin-list.ts'
import type { Namespace } from '../storage/namespace.ts'
import type { StoredBins } from '../storage/record-follower.ts'
import type { StoredRecord } from '../storage/stored-record.ts'
import { INDEX_COLLECTIONS, type IndexDefinition } from './index-definition.ts'
import type { IndexKey } from './index-key.ts'
import { type IndexedParticle, type ValueSelection, visitValues } from './indexed-values.ts'
import { OrderedEntries } from './ordered-entries.ts'

/** What a query looks for in an index. */
export interface IndexInterval {
  readonly begin: IndexKey
  /** Inclusive. */
  readonly end: IndexKey
  /** The string or blob that the keys are the hash of: only values with these bytes match. */
  readonly bytes: Buffer | undefined
}

const NO_KEYS: readonly IndexKey[] = []
/** What every record has in an index on its set. */
const SET_KEYS: readonly IndexKey[] = [0]

/**
 * A secondary index: for each value it holds an entry with the record, by partition. Its follower methods keep
 * it true while records change; `fill` adds the records that were there before it.
 */
export class SecondaryIndex {
  /** Replaced when the index is renamed. */
  definition: IndexDefinition
  readonly #namespace: Namespace
  readonly #selection: ValueSelection
  readonly #expression: Expression | undefined
  readonly #partitions: (OrderedEntries | undefined)[] = new Array(PARTITION_COUNT)
  /** An expression may read more of a record than its bins: what it gave before cannot be told afterwards. */
  readonly #keysOfExpression = new Map<StoredRecord, readonly IndexKey[]>()
  #entries = 0
  #records = 0
  /** Partitions whose records were all added. */
  #partitionsFilled = 0
  /** How long it took to add the records that were there before it. */
  fillMs = 0

  /** @throws CommandError PARAMETER for a context or expression that is none */
  constructor(namespace: Namespace, definition: IndexDefinition) {
    const { valueType, collection, context, expression } = definition
    this.definition = definition
    this.#namespace = namespace
    this.#expression = expression === undefined ? undefined : compileExpression(expression)
    this.#selection = { valueType, collection, context: context === undefined ? [] : parseContext(context) }
  }

  get entries(): number {
    return this.#entries
  }

  /** Records with at least one entry. */
  get records(): number {
    return this.#records
  }

  /** Whether every record of the namespace is in it; before, queries would miss some. */
  get isReadable(): boolean {
    return this.#partitionsFilled === PARTITION_COUNT
  }

  /** Whether a record can have more than one entry. */
  get holdsSeveral(): boolean {
    return this.definition.collection !== INDEX_COLLECTIONS.DEFAULT
  }

  /** The part of the records that were added, 0 to 1. */
  get filledFraction(): number {
    return this.#partitionsFilled / PARTITION_COUNT
  }

  /** Whether it holds the records of a set. */
  covers(setName: string): boolean {
    return this.definition.setName === '' || this.definition.setName === setName
  }

  written(record: StoredRecord, before: StoredBins | undefined): void {
    // A touch: the bins before it are those of the record itself.
    if (before === record && this.#expression === undefined) return
    const keysBefore = this.#keysBefore(record, before)
    const keys = this.#keysOf(record)
    this.#remember(record, keys)
    if (!isSame(keysBefore, keys)) this.#replace(record, keysBefore, keys)
  }

  removed(record: StoredRecord): void {
    const keysBefore = this.#keysBefore(record, record)
    this.#keysOfExpression.delete(record)
    if (keysBefore.length > 0) this.#replace(record, keysBefore, NO_KEYS)
  }

  /** Adds the records of the next partition, which are there already; returns how many there were to look at. */
  fillNextPartition(): number {
    const partition = this.#namespace.partition(this.#partitionsFilled)
    for (const record of partition.records()) {
      if (!this.covers(record.set?.name ?? '')) continue
      const keys = this.#keysOf(record)
      this.#remember(record, keys)
      if (keys.length > 0) this.#replace(record, NO_KEYS, keys)
    }
    this.#partitionsFilled++
    return partition.size
  }

  /**
   * Visits the entries of a partition in an interval in order, until the visitor answers false. Strings and
   * blobs with the same hash as those looked for are visited, too.
   *
   * @param after where to resume: behind the entry with this key and digest
   */
  visit(
    partition: number,
    interval: IndexInterval,
    after: { readonly key: IndexKey; readonly id: string } | undefined,
    visitor: (key: IndexKey, record: StoredRecord) => boolean,
  ): void {
    const from = after === undefined || after.key < interval.begin ? interval.begin : after.key
    const afterId = after?.key === from ? after.id : undefined
    this.#partitions[partition]?.visit(from, afterId, interval.end, visitor)
  }

  /** Whether a partition has an entry in an interval. */
  hasIn(partition: number, { begin, end }: IndexInterval): boolean {
    return this.#partitions[partition]?.hasIn(begin, end) ?? false
  }

  /** The least key of a record in an interval as it is now; undefined when it has no value there. */
  leastKeyIn(record: StoredRecord, interval: IndexInterval): IndexKey | undefined {
    let least: IndexKey | undefined
    visitValues(this.#selection, this.#particleOf(record, record), (key, bytes) => {
      if (key < interval.begin || key > interval.end) return
      if (interval.bytes !== undefined && bytes?.equals(interval.bytes) !== true) return
      if (least === undefined || key < least) least = key
    })
    return least
  }

  /** All keys, in no order, one for each entry. */
  *keys(): Generator<IndexKey, void> {
    for (const entries of this.#partitions) if (entries !== undefined) yield* entries.keys()
  }

  #keysBefore(record: StoredRecord, before: StoredBins | undefined): readonly IndexKey[] {
    if (this.#expression !== undefined) return this.#keysOfExpression.get(record) ?? NO_KEYS
    return before === undefined ? NO_KEYS : this.#keysOf(record, before)
  }

  #remember(record: StoredRecord, keys: readonly IndexKey[]): void {
    if (this.#expression === undefined) return
    if (keys.length > 0) this.#keysOfExpression.set(record, keys)
    else this.#keysOfExpression.delete(record)
  }

  #keysOf(record: StoredRecord, stored: StoredBins = record): readonly IndexKey[] {
    if (this.definition.collection === INDEX_COLLECTIONS.SET) return SET_KEYS
    const keys: IndexKey[] = []
    visitValues(this.#selection, this.#particleOf(record, stored), key => keys.push(key))
    return keys.length < 2 ? keys : [...new Set(keys)]
  }

  #particleOf(record: StoredRecord, { bins, binCount }: StoredBins): IndexedParticle | undefined {
    if (this.#expression === undefined) return findStoredBin(bins, binCount, this.definition.binName)
    try {
      return this.#expression.particle(new StoredSubject(this.#namespace, record.digest, record))
    } catch (error) {
      if (error instanceof CommandError) return undefined
      throw error
    }
  }

  /**
   * Takes the entries of a record from one set of keys to another. While the index is being filled, entries of
   * `before` may be missing: all of `after` are added, not only those that are new.
   */
  #replace(record: StoredRecord, before: readonly IndexKey[], after: readonly IndexKey[]): void {
    const entries = this.#entriesOf(record)
    const kept = before.length === 0 ? undefined : new Set(after)
    let had = false
    for (const key of before) {
      if (kept?.has(key) || !entries.delete(key, record)) continue
      this.#entries--
      had = true
    }
    for (const key of after) {
      if (entries.add(key, record)) this.#entries++
      else had = true
    }
    this.#records += Number(after.length > 0) - Number(had)
  }

  #entriesOf(record: StoredRecord): OrderedEntries {
    const known = this.#partitions[record.partitionId]
    if (known !== undefined) return known
    const entries = new OrderedEntries()
    this.#partitions[record.partitionId] = entries
    return entries
  }
}

function isSame(left: readonly IndexKey[], right: readonly IndexKey[]): boolean {
  return left === right || (left.length === right.length && left.every((key, at) => key === right[at]))
}
