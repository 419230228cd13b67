/** A value that a filter compares: of a bin, or given. Integers are 64-bit signed. */
export type FilterValue =
  | { readonly intBin: string }
  | { readonly blobBin: string }
  | { readonly boolBin: string }
  | { readonly stringBin: string }
  /** Number of elements of a list. */
  | { readonly listSize: string }
  /** An element of a list, counted from 0, that is a blob. */
  | { readonly listBlob: string; readonly index: FilterValue }
  /** How many elements of a list equal the value. */
  | { readonly listCount: string; readonly of: FilterValue }
  /** The sum of integers, two at least. */
  | { readonly sum: readonly FilterValue[] }
  /** A hole, in the filters and expressions of a statement (statement.ts). */
  | { readonly parameter: number }
  | number
  | bigint
  | boolean
  | string
  | Uint8Array

export type Comparison = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge'

/**
 * A condition on a record, as data, so that every transport can carry it. A row whose record does not meet its
 * filter changes nothing and answers with status 27. A comparison with a bin that is absent, or of another
 * type, is not met, and neither is its `not`: ask `binExists` first where that matters (protocol 7.11).
 */
export type Filter =
  | { readonly and: readonly Filter[] }
  | { readonly or: readonly Filter[] }
  | { readonly not: Filter }
  | { readonly binExists: string }
  | { readonly compare: Comparison; readonly left: FilterValue; readonly right: FilterValue }
