import type { Batcher } from '../../batching/index.ts'

/** A change of the count of fully spent pages on a master record (semantics 3.11). */
export interface IncrementRequest {
  readonly txid: Uint8Array
  /** Pages that became fully spent, or, negative, ceased to be; 0 only has the delete-at-height judged anew. */
  readonly change: number
  readonly height: number
  /** How many pages are known to be all spent: the count is at least that. */
  readonly spentPages?: number
  /** How many are known not to be: the count is at most that of the others. */
  readonly openPages?: number
}

/** A delete-at-height for one record of a transaction. */
export interface DeleteAtHeightRequest {
  readonly txid: Uint8Array
  /** 0 is the master. */
  readonly page: number
  /** 0 takes the delete-at-height away. */
  readonly deleteAtHeight: number
}

/**
 * The batchers that follow-ups of signals pass. The waits go one way only, spend → increment → setDAH: with a
 * way back, handlers could wait for each other (semantics 4.1).
 */
export interface FollowUpPools {
  readonly increment: Batcher<IncrementRequest, void>
  readonly setDAH: Batcher<DeleteAtHeightRequest, void>
}
