import type { OnProgress } from '../dispatch/progress.ts'

export interface CallOptions {
  /**
   * Releases the caller at once, with code `CONTEXT_CANCELED` and the signal's reason as cause. What was
   * already sent may still take effect.
   */
  signal?: AbortSignal | undefined
}

/** For calls on lists of any length: they are split, and a bounded part of them is in flight at a time. */
export interface BulkOptions extends CallOptions {
  /** Told after each batch how many entries of the list are done. What it throws ends the call. */
  onProgress?: OnProgress | undefined
}
