import type { StoreError } from '../errors/index.ts'

/** Why a batch left: it was full, its linger had passed, the turn or the tick had come, or the batcher closes. */
export type DispatchReason = 'size' | 'linger' | 'drain' | 'tick' | 'close'

/** What a batcher reports; every method is optional, and none may throw into the batcher. */
export interface BatchObserver {
  dispatched?(event: { items: number; reason: DispatchReason; queueMs: number; inFlight: number }): void
  finished?(event: { items: number; durationMs: number }): void
  /** With `finished`, where it is there: only then are the items counted that were not answered well. */
  settled?(event: { items: number; failed: number; durationMs: number }): void
  /** A handler threw, or returned without an answer for some items. */
  handlerFailed?(event: { error: StoreError; items: number; unanswered: number }): void
  /** A handler that had not returned within its bound was given up. */
  handlerLost?(event: { items: number; unanswered: number }): void
  /** An answer came for an item that was answered before, or whose caller had been released. */
  unwantedAnswer?(): void
  /** The queue was at its cap and refused a call. */
  refused?(event: { items: number }): void
}

/**
 * Calls an observer so that its exception stays its own: a broken metrics registry must neither leave a
 * waiter unanswered nor stop the queue.
 */
export function notify(report: () => void): void {
  try {
    report()
  } catch {
    // There is nobody to tell: the observer is the one who would be told.
  }
}
