import {
  type BatchItem,
  type ItemOptions,
  type Outcome,
  reportUnwantedAnswer,
  WaitError,
} from './batch-item.ts'
import { BoundedWait, type WaitEnd, type WaitOptions } from './bounded-wait.ts'

/** Who waits for a group: told once, when every item has its outcome or the wait has ended. Must not throw. */
export interface GroupListener<Request, Answer> {
  complete(items: readonly BatchItem<Request, Answer>[]): void
  fail(reason: unknown): void
}

/**
 * The items that one caller waits for together. It ends exactly once, when every item is answered, the signal
 * fires, or the wait has lasted `waitMs`. A group that ended early keeps only what was answered before (semantics
 * 4.2, 4.3).
 */
export class ItemGroup<Request, Answer> extends BoundedWait {
  readonly items: readonly GroupItem<Request, Answer>[]
  readonly enqueuedAtMs = performance.now()
  readonly #listener: GroupListener<Request, Answer>
  readonly #options: ItemOptions
  #unanswered: number

  constructor(requests: readonly Request[], listener: GroupListener<Request, Answer>, options: ItemOptions) {
    super()
    this.items = requests.map(request => new GroupItem(request, this))
    this.#unanswered = requests.length
    this.#listener = listener
    this.#options = options
  }

  begin(options: WaitOptions): void {
    if (this.#unanswered > 0 || options.signal?.aborted) this.beginWait(options)
    else this.#complete()
  }

  /** For the items only: one more of them is answered. */
  countDown(): void {
    this.#unanswered -= 1
    if (this.#unanswered === 0) this.#complete()
  }

  /** For the items only: an answer came that changes nothing. */
  reportUnwantedAnswer(): void {
    reportUnwantedAnswer(this.#options)
  }

  protected onRelease(cause: WaitEnd): void {
    const { waitMs, abortReason } = this
    this.#listener.fail(
      new WaitError(this.items, { cause, batcher: this.#options.name, waitMs, abortReason }),
    )
  }

  #complete(): void {
    if (this.endWait()) this.#listener.complete(this.items)
  }
}

/** An item of a group. */
class GroupItem<Request, Answer> implements BatchItem<Request, Answer> {
  readonly request: Request
  readonly #group: ItemGroup<Request, Answer>
  #outcome: Outcome<Answer> | undefined

  constructor(request: Request, group: ItemGroup<Request, Answer>) {
    this.request = request
    this.#group = group
  }

  get enqueuedAtMs(): number {
    return this.#group.enqueuedAtMs
  }

  get outcome(): Outcome<Answer> | undefined {
    return this.#outcome
  }

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
    if (!this.isOpen) {
      this.#group.reportUnwantedAnswer()
      return
    }
    this.#outcome = outcome
    this.#group.countDown()
  }
}
