import { StoreError, type StoreErrorOptions } from '../errors/index.ts'
import type { Filter } from './filter.ts'
import type { Bins } from './transport.ts'

/** Partitions `begin` to `begin + count - 1` of the 4,096. */
export interface PartitionRange {
  readonly begin: number
  readonly count: number
}

export interface QueryRequest {
  /** The store's set where absent. */
  readonly set?: string | undefined
  /** Values of an integer bin with a secondary index, both bounds included. Without it the whole set is read. */
  readonly index?: { readonly bin: string; readonly range: readonly [number, number] } | undefined
  readonly bins: readonly string[]
  readonly filter?: Filter | undefined
  /** All partitions where absent. */
  readonly partitions?: PartitionRange | undefined
  /** Ends after so many records. */
  readonly maxRecords?: number | undefined
}

export interface QueryOptions {
  /** Ends the query with `CONTEXT_CANCELED`. */
  readonly signal?: AbortSignal | undefined
  /** Without a record for so many milliseconds a query fails instead of hanging (lesson 65). */
  readonly idleTimeoutMs: number
  /** Told how many partitions have been read to their end, whenever all their records have been handed out. */
  readonly onPartitions?: ((count: number) => void) | undefined
}

export interface QueryRecord {
  /** 20 bytes; the user key is not stored. */
  readonly digest: Uint8Array
  readonly bins: Bins
}

/**
 * A query ended early. The partitions of `remaining` are still to be read, and no record of them was returned,
 * so that asking for just them misses nothing and repeats nothing (lesson 66).
 */
export class QueryError extends StoreError {
  override readonly name = 'QueryError'
  readonly remaining: PartitionRange
  /** The server or the way to it failed, and not the query: asking again may succeed. */
  readonly isTransient: boolean

  constructor(
    code: 'CONTEXT_CANCELED' | 'SERVICE_UNAVAILABLE' | 'STORAGE_ERROR',
    message: string,
    remaining: PartitionRange,
    { isTransient = false, ...options }: StoreErrorOptions & { isTransient?: boolean } = {},
  ) {
    super(code, message, options)
    this.remaining = remaining
    this.isTransient = isTransient
  }
}

/** The seam of work on whole sets, beside the batches. */
export interface Queries {
  /**
   * Reads records in slices of partitions, a slice as soon as the one before has been consumed, so that a slow
   * consumer holds one slice in memory at the most. The iteration rejects with a `QueryError`; leaving it ends
   * the query.
   */
  query(request: QueryRequest, options: QueryOptions): AsyncIterable<QueryRecord>
}
