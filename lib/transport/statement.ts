import type { Filter, FilterValue } from './filter.ts'
import type { BinValue, ExistsPolicy, RecordKey } from './transport.ts'

/** What may fill a hole of a statement: a 64-bit signed integer, or a blob of exactly so many bytes. */
export type ParameterType = { readonly type: 'int' } | { readonly type: 'blob'; readonly bytes: number }

/** A hole, by its place in the statement's list of parameters. */
export interface Parameter {
  readonly parameter: number
}

/** A value that an operation writes: given, a hole, the bytes of several blob holes as one blob, or a list of holes. */
export type StatementValue =
  | { readonly constant: BinValue }
  | Parameter
  | { readonly joined: readonly Parameter[] }
  | { readonly list: readonly Parameter[] }

/** One operation of a statement. They apply in order: a later one sees what an earlier one wrote. */
export type StatementOperation =
  | { readonly kind: 'put'; readonly bin: string; readonly value: StatementValue }
  /** Deletes the bin, if it is there. */
  | { readonly kind: 'unset'; readonly bin: string }
  /** Replaces one element of an unordered list, counted from 0. */
  | {
      readonly kind: 'list-set'
      readonly bin: string
      readonly index: number | Parameter
      readonly value: StatementValue
    }
  /** Appends to an unordered list; an absent bin becomes one. */
  | { readonly kind: 'list-append'; readonly bin: string; readonly value: StatementValue }
  /**
   * Writes the result of the first case whose condition is met, or deletes the bin; without such a case the bin
   * is left as it is, and so it is where a condition before it, or the result, cannot be told (protocol 9.4).
   * With `otherwise: 'refuse'` all operations of the row leave the record as it is instead, and it answers with
   * status 26. A condition that differs from row to row costs a server less here than in the statement's filter,
   * which it compiles once for all rows that have the same one.
   */
  | {
      readonly kind: 'choose'
      readonly bin: string
      readonly cases: readonly StatementCase[]
      readonly otherwise?: 'refuse' | undefined
    }
  /** Has the bin in the row's answer, as it is at this place in the order. */
  | { readonly kind: 'read'; readonly bin: string }

export interface StatementCase {
  readonly when: Filter
  /** All cases of one operation have results of one type; `delete` is a type of its own, and goes with no other. */
  readonly result: FilterValue | 'delete'
}

/**
 * A filtered write that is prepared once and executed many times with other arguments, as statements are in SQL: its
 * filter and its operations have holes. A statement is a constant of the program, so a transport may keep what
 * it compiles from one for as long as the statement lives.
 */
export interface WriteStatement {
  /** For people who read errors and traces. */
  readonly name: string
  readonly parameters: readonly ParameterType[]
  readonly exists: ExistsPolicy
  /** A record that does not meet it is left as it is, and the row answers with status 27. */
  readonly filter?: Filter | undefined
  readonly operations: readonly StatementOperation[]
}

/**
 * Executes a statement on one record, as one atomic change. The answer's bins have what its `read` operations
 * read; a bin that is not there is absent or null, and bins that were only written may be there with any value.
 */
export interface ExecuteRow {
  readonly kind: 'execute'
  readonly key: RecordKey
  /** The filter is the statement's. */
  readonly filter?: undefined
  readonly statement: WriteStatement
  /** One for each parameter: safe integers and blobs of the declared length. */
  readonly args: readonly (number | Uint8Array)[]
}
