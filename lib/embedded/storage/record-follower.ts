import type { StoredRecord } from './stored-record.ts'

/** The bins of a record before a change, as they were stored. */
export interface StoredBins {
  readonly bins: Buffer
  readonly binCount: number
}

/**
 * Follows the records of a namespace. Called inside the change, so that what it does is atomic with it; it must
 * not throw, and must not change records.
 */
export interface RecordFollower {
  /** A record was created (`before` undefined) or changed, also when it was only touched. */
  written(digest: Buffer, record: StoredRecord, before: StoredBins | undefined): void
  /** A record is gone: deleted, expired or truncated. */
  removed(digest: Buffer, record: StoredRecord): void
}
