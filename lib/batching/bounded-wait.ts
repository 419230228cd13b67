import { type DeadlineLink, type DeadlineList, deadlineList } from './deadline-list.ts'

/** What ended a wait before its time. */
export type WaitEnd = 'canceled' | 'timed out'

export interface WaitOptions {
  /** Releases the caller at once; what was already sent may still land. */
  signal?: AbortSignal | undefined
  /** The longest wait, from the put on, so that time in the queue counts. None where absent. */
  waitMs?: number | undefined
}

/**
 * Somebody's wait, which ends once: with what was waited for, by a signal, or at a deadline, whichever comes first.
 * A base class, since every call makes two or more of them, and an object that they would hold weighs more.
 */
export abstract class BoundedWait implements DeadlineLink {
  dueAtMs = 0
  earlier: DeadlineLink | undefined = undefined
  later: DeadlineLink | undefined = undefined
  #hasEnded = false
  #deadlines: DeadlineList | undefined
  #signal: AbortSignal | undefined
  #onAbort: (() => void) | undefined

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Why the signal fired, where one ended the wait. */
  protected get abortReason(): unknown {
    return this.#signal?.reason
  }

  /** How long it may last. */
  protected get waitMs(): number | undefined {
    return this.#deadlines?.waitMs
  }

  /** Begins to wait; a signal that has fired ends it at once. */
  protected beginWait({ waitMs, signal }: WaitOptions): void {
    if (signal !== undefined) {
      this.#signal = signal
      if (signal.aborted) {
        this.#abort()
        return
      }
      this.#onAbort = () => this.#abort()
      signal.addEventListener('abort', this.#onAbort, { once: true })
    }
    if (waitMs === undefined) return
    this.#deadlines = deadlineList(waitMs)
    this.#deadlines.add(this)
  }

  /** Ends the wait; false where it had ended, and nothing is to be done any more. */
  protected endWait(): boolean {
    if (this.#hasEnded) return false
    this.#deadlines?.remove(this)
    this.#end()
    return true
  }

  /** For the list of deadlines only. */
  passDeadline(): void {
    this.#end()
    this.onRelease('timed out')
  }

  #abort(): void {
    if (this.endWait()) this.onRelease('canceled')
  }

  #end(): void {
    this.#hasEnded = true
    if (this.#onAbort === undefined) return
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#onAbort = undefined
  }

  /** The wait has ended without what was waited for. */
  protected abstract onRelease(cause: WaitEnd): void
}
