import type { Filter } from './filter.ts'
import type { ExecuteRow } from './statement.ts'

/**
 * A value of a bin, or inside one, as it passes the seam. Integers come back as number where they are safe
 * and as bigint beyond 2^53. Blobs are byte arrays, never strings. Maps may come back as plain objects,
 * because the npm client hands them over so; their integer keys are then property names.
 */
export type BinValue =
  | number
  | bigint
  | boolean
  | string
  | Uint8Array
  | null
  | readonly BinValue[]
  | ReadonlyMap<string | number | bigint, BinValue>
  | { readonly [key: string]: BinValue }

export type Bins = Readonly<Record<string, BinValue>>

/** The user key of a record: bytes make a blob key, text a string key; the two address different records. */
export interface RecordKey {
  readonly set: string
  readonly userKey: Uint8Array | string
}

/** One operation of a write row; all operations of a row apply in order, as one atomic change. */
export type WriteOperation =
  | { readonly kind: 'put'; readonly bin: string; readonly value: BinValue }
  /** Deletes the bin, if it is there. */
  | { readonly kind: 'unset'; readonly bin: string }
  /** Adds to an integer; an absent bin counts as 0. Counts twice when repeated: send it `once`. */
  | { readonly kind: 'add'; readonly bin: string; readonly value: number | bigint }
  /** Appends to an unordered list unless the value is in it; an absent bin becomes a list. */
  | { readonly kind: 'list-append-unique'; readonly bin: string; readonly value: BinValue }
  /** Removes every element of that value; none, or no such bin, is fine. */
  | { readonly kind: 'list-remove-value'; readonly bin: string; readonly value: BinValue }
  /** Sets one entry of a map; an absent bin becomes a map. */
  | {
      readonly kind: 'map-put'
      readonly bin: string
      readonly key: string | number | bigint
      readonly value: BinValue
    }
  /** Removes one entry of a map; none, or no such bin, is fine. */
  | { readonly kind: 'map-remove'; readonly bin: string; readonly key: string | number | bigint }
  /** Sets entries of a map, at least one; an absent bin becomes a map whose entries the server finds without a search. */
  | {
      readonly kind: 'map-put-all'
      readonly bin: string
      readonly entries: ReadonlyMap<string | number | bigint, BinValue>
    }
  /** Removes entries of a map, by at least one key; none of them, or no such bin, is fine. */
  | {
      readonly kind: 'map-remove-all'
      readonly bin: string
      readonly keys: readonly (string | number | bigint)[]
    }

/**
 * - `any`: creates or changes.
 * - `create-only`: fails with result code 5 on an existing record.
 * - `update-only`: fails with result code 2 on a missing record.
 */
export type ExistsPolicy = 'any' | 'create-only' | 'update-only'

interface FilteredRow {
  readonly key: RecordKey
  /**
   * A record that does not meet it is left as it is, and the row answers with status 27. A missing record is
   * not asked: a write that may create does create, everything else answers with status 2.
   */
  readonly filter?: Filter | undefined
}

export interface ReadRow extends FilteredRow {
  readonly kind: 'read'
  /** Names of the bins to read; an empty list asks for the record's existence only. */
  readonly bins: readonly string[] | 'all'
}

export interface WriteRow extends FilteredRow {
  readonly kind: 'write'
  readonly operations: readonly WriteOperation[]
  readonly exists: ExistsPolicy
  /** Time to live of the record from now on, in seconds from 1. The namespace's default where absent. */
  readonly ttlSeconds?: number | undefined
}

/** Calls a record UDF; its answer comes in the bin `SUCCESS`. */
export interface ApplyRow extends FilteredRow {
  readonly kind: 'apply'
  readonly module: string
  readonly function: string
  readonly args: readonly BinValue[]
}

export interface RemoveRow extends FilteredRow {
  readonly kind: 'remove'
  /** The master copy's removal is answered without waiting for the other copies; a transport may wait all the same. */
  readonly relaxedCommit?: boolean | undefined
}

export type BatchRow = ReadRow | WriteRow | ExecuteRow | ApplyRow | RemoveRow

/** What the server says of one row. */
export interface RowAnswer {
  /** Position of the row in the request. It tells what an answer belongs to; the order of answers does not. */
  readonly index: number
  /** Aerospike result code: 0 is success, negative codes are the client's own. */
  readonly status: number
  /** Present on success where the row reads, executes a statement or calls a UDF. */
  readonly bins: Bins | undefined
  /** The row failed, but may have been applied all the same. */
  readonly inDoubt: boolean
  /** Of a read: how often the record was written, 1 to 65,535 and round again. Absent where it is not known. */
  readonly generation?: number | undefined
}

export interface BatchOptions {
  /** Gives the batch up; what was already sent may still be applied. */
  readonly signal?: AbortSignal | undefined
  /** Total time for the batch in milliseconds, retries included. */
  readonly timeout: number
  /**
   * A row that may have been carried out is not sent again: for changes that count twice when repeated. Retries are the
   * transport’s own otherwise.
   */
  readonly once?: boolean | undefined
  /** False: a refusal for load is the answer, instead of the reason to try again later. */
  readonly retryOverload?: boolean | undefined
}

/**
 * The seam that all batch traffic of a store passes. Rejects when the batch as a whole failed; a promise
 * that resolves is no success, each row has its own status.
 */
export interface Transport {
  /** Statements are compiled once: executing one costs no more than another write, and less than calling a UDF. */
  readonly preparesStatements?: boolean | undefined
  batchOperate(rows: readonly BatchRow[], options: BatchOptions): Promise<readonly RowAnswer[]>
}
