import { StoreError } from '../../../errors/index.ts'
import { BINS } from '../../../record/index.ts'
import {
  type BatchRow,
  type Bins,
  type Filter,
  RESULT_CODES,
  type RecordKey,
  type RowAnswer,
} from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { rowError } from '../../store-errors.ts'

/** What became of a row that removes, or of one that looks whether a record still is there to be removed. */
export type RowVerdict =
  | { readonly state: 'done'; readonly bins: Bins }
  /** The record does not meet the filter any more. */
  | { readonly state: 'kept' }
  | { readonly state: 'missing' }
  | { readonly state: 'failed'; readonly error: StoreError }

export function verdictOf(what: string, answer: RowAnswer | StoreError): RowVerdict {
  if (answer instanceof StoreError) return { state: 'failed', error: answer }
  switch (answer.status) {
    case RESULT_CODES.OK:
      return { state: 'done', bins: answer.bins ?? {} }
    case RESULT_CODES.FILTERED_OUT:
      return { state: 'kept' }
    case RESULT_CODES.NOT_FOUND:
      return { state: 'missing' }
    default:
      return { state: 'failed', error: rowError(what, answer.status, answer.inDoubt) }
  }
}

export function removeRow({ settings }: StoreContext, key: RecordKey, filter?: Filter): BatchRow {
  return {
    kind: 'remove',
    key,
    ...(filter === undefined ? {} : { filter }),
    ...(settings.prunerRelaxRemovalCommitLevel ? { relaxedCommit: true } : {}),
  }
}

/** Lets a record expire in a second: the bin that it "unsets" is one that no complete record has. */
export function expireRow(key: RecordKey, filter: Filter): BatchRow {
  return {
    kind: 'write',
    key,
    filter,
    operations: [{ kind: 'unset', bin: BINS.creating }],
    exists: 'update-only',
    ttlSeconds: 1,
  }
}
