import { StoreError } from '../errors/index.ts'
import { BoundedWait, type WaitEnd, type WaitOptions } from './bounded-wait.ts'
import { type BatchObserver, notify } from './observer.ts'

export type Outcome<Answer> = PromiseFulfilledResult<Answer> | PromiseRejectedResult

/** One request inside a batcher, and its answer. Answered once: the first answer stays, later ones do nothing. */
export interface BatchItem<Request, Answer> {
  readonly request: Request
  /** On the `performance.now()` clock; the linger counts from here. */
  readonly enqueuedAtMs: number
  /** The published answer; never one that came after the caller had been released. */
  readonly outcome: Outcome<Answer> | undefined
  /** Whether an answer is still wanted: not answered yet, and somebody waits for it. */
  readonly isOpen: boolean
  succeed(value: Answer): void
  fail(reason: unknown): void
}

/** Who waits for one answer: told once, with the answer, the item's error, or a `WaitError`. Must not throw. */
export interface AnswerListener<Answer> {
  succeed(answer: Answer): void
  fail(reason: unknown): void
}

/** The promise of an answer, for who would rather await it. */
export function promised<Answer>(begin: (end: AnswerListener<Answer>) => void): Promise<Answer> {
  return new Promise((succeed, fail) => begin({ succeed, fail }))
}

/** What its batcher tells each item. */
export interface ItemOptions {
  /** The batcher's, for errors. */
  readonly name: string
  readonly observer: BatchObserver
}

/** The one item of a caller who waits for nothing else; it is the wait as well. */
export class LoneItem<Request, Answer> extends BoundedWait implements BatchItem<Request, Answer> {
  readonly request: Request
  readonly enqueuedAtMs = performance.now()
  readonly #listener: AnswerListener<Answer>
  readonly #options: ItemOptions
  #outcome: Outcome<Answer> | undefined

  constructor(request: Request, listener: AnswerListener<Answer>, options: ItemOptions) {
    super()
    this.request = request
    this.#listener = listener
    this.#options = options
  }

  begin(options: WaitOptions): void {
    this.beginWait(options)
  }

  get items(): readonly [this] {
    return [this]
  }

  get outcome(): Outcome<Answer> | undefined {
    return this.#outcome
  }

  get isOpen(): boolean {
    return !this.hasEnded
  }

  succeed(value: Answer): void {
    if (this.#settle({ status: 'fulfilled', value })) this.#listener.succeed(value)
  }

  fail(reason: unknown): void {
    if (this.#settle({ status: 'rejected', reason })) this.#listener.fail(reason)
  }

  #settle(outcome: Outcome<Answer>): boolean {
    if (this.endWait()) this.#outcome = outcome
    else reportUnwantedAnswer(this.#options)
    return this.#outcome === outcome
  }

  protected onRelease(cause: WaitEnd): void {
    const { waitMs, abortReason } = this
    this.#listener.fail(new WaitError([this], { cause, batcher: this.#options.name, waitMs, abortReason }))
  }
}

export function reportUnwantedAnswer({ observer }: ItemOptions): void {
  notify(() => observer.unwantedAnswer?.())
}

/** The wait for items ended early. Only `published` answers are known; the others may still take effect. */
export class WaitError<Request, Answer> extends StoreError {
  override readonly name = 'WaitError'
  readonly published: readonly BatchItem<Request, Answer>[]
  readonly unpublishedCount: number

  constructor(
    items: readonly BatchItem<Request, Answer>[],
    { cause, batcher, waitMs, abortReason }: WaitEndDetails,
  ) {
    if (cause === 'canceled')
      super('CONTEXT_CANCELED', `${batcher}: the caller's signal ended the wait`, { cause: abortReason })
    else super('SERVICE_UNAVAILABLE', `${batcher}: no answer within ${waitMs} ms`)
    this.published = items.filter(item => item.outcome !== undefined)
    this.unpublishedCount = items.length - this.published.length
  }
}

interface WaitEndDetails {
  readonly cause: WaitEnd
  readonly batcher: string
  readonly waitMs: number | undefined
  readonly abortReason: unknown
}
