import { StoreError } from '../errors/index.ts'
import { type BatchObserver, notify } from './observer.ts'

/** How the wait for a group ended; decided once, by whichever came first. */
export type WaitEnd = 'complete' | 'canceled' | 'timed out'

export interface WaitOptions {
  /** Releases the caller at once; what was already sent may still land. */
  signal?: AbortSignal | undefined
  /** The longest wait, from the put on, so that time in the queue counts. */
  waitMs: number
}

export type Outcome<Answer> = PromiseFulfilledResult<Answer> | PromiseRejectedResult

/** One request inside a batcher, and its answer. Answered once: the first answer stays, later ones do nothing. */
export class BatchItem<Request, Answer> {
  readonly request: Request
  /** On the `performance.now()` clock; the linger counts from here. */
  readonly enqueuedAtMs: number
  readonly #group: ItemGroup<Request, Answer>
  #outcome: Outcome<Answer> | undefined

  constructor(request: Request, enqueuedAtMs: number, group: ItemGroup<Request, Answer>) {
    this.request = request
    this.enqueuedAtMs = enqueuedAtMs
    this.#group = group
  }

  /** The published answer; never one that came after the caller had been released. */
  get outcome(): Outcome<Answer> | undefined {
    return this.#outcome
  }

  /** Whether an answer is still wanted: not answered yet, and somebody waits for it. */
  get isOpen(): boolean {
    return this.#outcome === undefined && !this.#group.hasEnded
  }

  succeed(value: Answer): void {
    this.#settle({ status: 'fulfilled', value })
  }

  fail(reason: unknown): void {
    this.#settle({ status: 'rejected', reason })
  }

  #settle(outcome: Outcome<Answer>): void {
    if (this.#outcome !== undefined || this.#group.hasEnded) {
      this.#group.reportUnwantedAnswer()
      return
    }
    this.#outcome = outcome
    this.#group.countDown()
  }
}

/**
 * The items that one caller waits for together. It ends exactly once, when every item is answered, the signal
 * fires, or the wait has lasted `waitMs`; then its timer and its listener are gone, and `onEnd` is called. A
 * group that ended early keeps only what was answered before (semantics 4.2, 4.3).
 */
export class ItemGroup<Request, Answer> {
  readonly items: readonly BatchItem<Request, Answer>[]
  readonly #wait: WaitOptions
  readonly #observer: BatchObserver
  readonly #onEnd: (group: ItemGroup<Request, Answer>, end: WaitEnd) => void
  #end: WaitEnd | undefined
  #unanswered: number
  #timer: NodeJS.Timeout | undefined
  #onAbort: (() => void) | undefined

  constructor(
    requests: readonly Request[],
    wait: WaitOptions,
    observer: BatchObserver,
    onEnd: (group: ItemGroup<Request, Answer>, end: WaitEnd) => void,
  ) {
    const now = performance.now()
    this.items = requests.map(request => new BatchItem(request, now, this))
    this.#unanswered = this.items.length
    this.#wait = wait
    this.#observer = observer
    this.#onEnd = onEnd
    const { signal, waitMs } = wait
    if (signal?.aborted) this.#finish('canceled')
    else if (this.#unanswered === 0) this.#finish('complete')
    else {
      // No closure: every call makes a group.
      this.#timer = setTimeout(passDeadline, waitMs, this as { passDeadline(): void })
      if (signal === undefined) return
      this.#onAbort = () => this.#finish('canceled')
      signal.addEventListener('abort', this.#onAbort, { once: true })
    }
  }

  get hasEnded(): boolean {
    return this.#end !== undefined
  }

  /** For the items only: one more of them is answered. */
  countDown(): void {
    this.#unanswered -= 1
    if (this.#unanswered === 0) this.#finish('complete')
  }

  /** For the items only: an answer came that changes nothing. */
  reportUnwantedAnswer(): void {
    notify(() => this.#observer.unwantedAnswer?.())
  }

  /** The error for a caller whose wait ended before all items were answered. */
  waitError(name: string): WaitError<Request, Answer> {
    if (this.#end === 'canceled') {
      return new WaitError(
        'CONTEXT_CANCELED',
        `${name}: the caller's signal ended the wait`,
        this,
        this.#wait.signal?.reason,
      )
    }
    return new WaitError(
      'SERVICE_UNAVAILABLE',
      `${name}: no answer within ${this.#wait.waitMs} ms`,
      this,
      undefined,
    )
  }

  /** For its timer only. */
  passDeadline(): void {
    this.#finish('timed out')
  }

  #finish(end: WaitEnd): void {
    if (this.#end !== undefined) return
    this.#end = end
    clearTimeout(this.#timer)
    if (this.#onAbort !== undefined) this.#wait.signal?.removeEventListener('abort', this.#onAbort)
    this.#onEnd(this, end)
  }
}

function passDeadline(group: { passDeadline(): void }): void {
  group.passDeadline()
}

/** The wait for a group ended early. Only `published` answers are known; the others may still take effect. */
export class WaitError<Request, Answer> extends StoreError {
  override readonly name = 'WaitError'
  readonly published: readonly BatchItem<Request, Answer>[]
  readonly unpublishedCount: number

  constructor(
    code: 'CONTEXT_CANCELED' | 'SERVICE_UNAVAILABLE',
    message: string,
    group: ItemGroup<Request, Answer>,
    cause: unknown,
  ) {
    super(code, message, { cause })
    this.published = group.items.filter(item => item.outcome !== undefined)
    this.unpublishedCount = group.items.length - this.published.length
  }
}
