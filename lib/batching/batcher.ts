import { InvalidArgumentError, TIMER_MS_MAX } from '../errors/index.ts'
import {
  type AnswerListener,
  type BatchItem,
  type ItemOptions,
  LoneItem,
  type Outcome,
  promised,
} from './batch-item.ts'
import { BoundedQueue } from './bounded-queue.ts'
import type { WaitOptions } from './bounded-wait.ts'
import { type ConcurrencyLimit, fixedLimit } from './concurrency-limit.ts'
import { type BatchHandler, runGuarded } from './dispatch-guard.ts'
import { type GroupListener, ItemGroup } from './item-group.ts'
import { type BatchObserver, type DispatchReason, notify } from './observer.ts'
import { RefusedError } from './refused-error.ts'

export interface BatcherOptions {
  /** Names the batcher in errors and reports. */
  name: string
  /** The most items in one batch; 1 dispatches each item at once. */
  size: number
  /** How long the first item of a batch waits for company. 0: until the current turn of the event loop ends. */
  lingerMs: number
  /** The most dispatches in flight, 0 meaning no limit, or what decides it from one dispatch to the next. */
  concurrency: number | ConcurrencyLimit
  /** How many items may be queued. A group that finds room enters whole, so it may overshoot once. */
  queueItemsMax: number
  /** What a call does that finds the queue at its cap: fail at once, or wait for room within its deadline. */
  whenFull: 'refuse' | 'wait'
  /** The longest wait of a caller from its put on, and the longest a handler may run. */
  waitMs: number
  /** Sends what is queued when the current turn of the event loop ends, instead of letting it linger. */
  drainMode?: boolean | undefined
  /** Sends a batch that is due only when a turn of the event loop has brought no more items for it. */
  greedyAccumulate?: boolean | undefined
  /** Sends at multiples of this time, instead of letting items linger; 0 is off. Excludes drain mode. */
  tickIntervalMs?: number | undefined
  /** Whether an item's error shows that the server is overloaded; for the concurrency limit. */
  isLoadSignal?: ((reason: unknown) => boolean) | undefined
  observer?: BatchObserver
}

export interface SubmitOptions {
  /** Releases the caller at once with code `CONTEXT_CANCELED`; what was already sent may still land. */
  signal?: AbortSignal | undefined
  /** Overrides the batcher's `waitMs` for this call. */
  waitMs?: number | undefined
}

/** Why the batcher looks whether a batch is due: an item came, a turn of the event loop has ended, or a linger has. */
type Occasion = 'arrival' | 'turn' | 'timer'

const TIMER_EARLY_MS_MAX = 1

/** What one call puts in: its item, or its group of them. */
interface Entrant<Request, Answer> {
  readonly items: readonly BatchItem<Request, Answer>[]
  readonly hasEnded: boolean
  begin(wait: WaitOptions): void
}

/**
 * Collects many small calls into few batches. A batch leaves when it is full, when its first item has lingered
 * (or, by option, at the end of the turn or at the next tick), or when the batcher closes; never more than
 * `concurrency` at a time.
 *
 * Every call is answered exactly once and within `waitMs`, whatever the handler does. A call whose caller
 * has gone before its batch was formed is not sent at all.
 */
export class Batcher<Request, Answer> {
  readonly #options: BatcherOptions
  readonly #handler: BatchHandler<Request, Answer>
  readonly #observer: BatchObserver
  readonly #itemOptions: ItemOptions
  readonly #concurrency: ConcurrencyLimit
  readonly #queue: BoundedQueue<BatchItem<Request, Answer>>
  /** Who waits for room in the queue, where `whenFull` is `wait`. */
  readonly #waitingRoom = new BoundedQueue<Entrant<Request, Answer>>(Number.POSITIVE_INFINITY)
  readonly #inFlight = new Set<Promise<void>>()
  /** The item whose linger is being timed, and the means to stop timing it. */
  #lingering: { first: BatchItem<Request, Answer>; stop: () => void } | undefined
  /** A batch that is due but still fills: its first item, and how many were queued when last looked at. */
  #filling: { first: BatchItem<Request, Answer>; queued: number } | undefined
  #lingerHasEnded = false
  #closed: Promise<void> | undefined

  constructor(options: BatcherOptions, handler: BatchHandler<Request, Answer>) {
    checkOptions(options)
    this.#options = options
    this.#handler = handler
    this.#observer = options.observer ?? {}
    this.#itemOptions = { name: options.name, observer: this.#observer }
    const { concurrency } = options
    this.#concurrency = typeof concurrency === 'object' ? concurrency : fixedLimit(concurrency)
    this.#queue = new BoundedQueue(options.queueItemsMax)
  }

  /** How many items may be queued. */
  get queueItemsMax(): number {
    return this.#queue.capacity
  }

  get queuedItems(): number {
    return this.#queue.length
  }

  get dispatchesInFlight(): number {
    return this.#inFlight.size
  }

  /** The most dispatches in flight, as of now; infinity for no limit. */
  get concurrencyLimit(): number {
    return this.#concurrency.limit
  }

  /** Queues one request and waits for its answer. Rejects with the item's error or a `WaitError`. */
  submit(request: Request, options: SubmitOptions = {}): Promise<Answer> {
    return promised(end => this.submitTo(end, request, options))
  }

  /**
   * As `submit`, for a caller with a place of its own for the answer, to whom a promise would be one more object.
   * The listener is told of every end, that of a refused call too.
   */
  submitTo(listener: AnswerListener<Answer>, request: Request, options: SubmitOptions = {}): void {
    const refusal = this.#refusal(1)
    if (refusal === undefined) this.#enter(new LoneItem(request, listener, this.#itemOptions), options)
    else listener.fail(refusal)
  }

  /**
   * Queues requests that belong together, in order and next to each other, and waits for all of them.
   * Resolves with one outcome for each request, in order. Rejects with `SERVICE_UNAVAILABLE` when closed or
   * full, and with a `WaitError`, which lists what was answered until then, when the wait ends early.
   */
  submitGroup(requests: readonly Request[], options: SubmitOptions = {}): Promise<Outcome<Answer>[]> {
    return new Promise((resolve, fail) => {
      const complete = (items: readonly BatchItem<Request, Answer>[]): void =>
        // Complete: every item has its outcome.
        resolve(items.map(item => item.outcome as Outcome<Answer>))
      this.submitGroupTo({ complete, fail }, requests, options)
    })
  }

  /** As `submitGroup`, for a caller with a place of its own for the outcomes. */
  submitGroupTo(
    listener: GroupListener<Request, Answer>,
    requests: readonly Request[],
    options: SubmitOptions = {},
  ): void {
    const refusal = this.#refusal(requests.length)
    if (refusal === undefined) this.#enter(new ItemGroup(requests, listener, this.#itemOptions), options)
    else listener.fail(refusal)
  }

  /**
   * From now on what is queued leaves at the end of the turn of the event loop: whoever is about to close waits
   * for no company. Calls are still taken.
   */
  endLinger(): void {
    if (this.#lingerHasEnded) return
    this.#lingerHasEnded = true
    this.#pump('turn')
  }

  /**
   * Stops taking calls, sends what is queued in batches of the usual size, and resolves when the last
   * dispatch has ended. Idempotent. Bounded, since every dispatch and every queued call is.
   */
  close(): Promise<void> {
    this.#closed ??= this.#drain()
    return this.#closed
  }

  /** Why a call is not taken: closed, or no room for it where none may wait for any. */
  #refusal(items: number): RefusedError | undefined {
    const { name, whenFull } = this.#options
    if (this.#closed !== undefined) return new RefusedError(`${name}: closed`)
    if (whenFull === 'wait' || !this.#isFull) return undefined
    notify(() => this.#observer.refused?.({ items }))
    return new RefusedError(`${name}: the queue is at its cap of ${this.#queue.capacity} items`)
  }

  get #isFull(): boolean {
    return this.#queue.isFull || this.#waitingRoom.length > 0
  }

  #enter(entrant: Entrant<Request, Answer>, { signal, waitMs }: SubmitOptions): void {
    entrant.begin({ signal, waitMs: waitMs ?? this.#options.waitMs })
    if (entrant.hasEnded) return
    if (this.#isFull) this.#waitingRoom.push(entrant)
    else for (const item of entrant.items) this.#queue.push(item)
    this.#pump('arrival')
  }

  /** Sends every batch that is due and has a free place, then arms the linger for what is left. */
  #pump(occasion: Occasion): void {
    while (this.#hasFreePlace()) {
      this.#admitWaiting()
      const reason = this.#reasonToDispatch(occasion)
      if (reason === undefined) break
      const items = this.#takeBatch()
      if (items.length > 0) this.#dispatch(items, reason)
    }
    this.#armLinger()
  }

  #hasFreePlace(): boolean {
    return this.#inFlight.size < this.#concurrency.limit
  }

  #admitWaiting(): void {
    while (!this.#queue.isFull) {
      const entrant = this.#waitingRoom.shift()
      if (entrant === undefined) return
      if (!entrant.hasEnded) for (const item of entrant.items) this.#queue.push(item)
    }
  }

  #reasonToDispatch(occasion: Occasion): DispatchReason | undefined {
    const turnEnded = occasion !== 'arrival'
    const first = this.#queue.peek()
    if (first === undefined) return undefined
    if (this.#queue.length >= this.#options.size) return 'size'
    if (this.#lingerHasEnded) return turnEnded ? 'close' : undefined
    const { drainMode, greedyAccumulate, lingerMs, tickIntervalMs } = this.#options
    const waitsForTurn = drainMode || (lingerMs === 0 && !tickIntervalMs)
    // Node's timers may fire a fraction of a millisecond early; that must not cost a second linger. On any other
    // occasion a linger of a millisecond would be over before it began.
    const isDue = waitsForTurn
      ? turnEnded
      : this.#dueInMs(first) <= (occasion === 'timer' ? TIMER_EARLY_MS_MAX : 0)
    if (!isDue) return undefined
    // Whether more keep coming shows from one turn to the next.
    if (greedyAccumulate && (!turnEnded || this.#isFilling(first))) return undefined
    if (drainMode) return 'drain'
    return tickIntervalMs ? 'tick' : 'linger'
  }

  #dueInMs(first: BatchItem<Request, Answer>): number {
    const { drainMode, lingerMs, tickIntervalMs } = this.#options
    if (drainMode || this.#lingerHasEnded) return 0
    const dueAtMs = tickIntervalMs
      ? Math.ceil(first.enqueuedAtMs / tickIntervalMs) * tickIntervalMs
      : first.enqueuedAtMs + lingerMs
    return dueAtMs - performance.now()
  }

  /** Whether items have come since this was last asked. */
  #isFilling(first: BatchItem<Request, Answer>): boolean {
    const known = this.#filling
    const queued = this.#queue.length
    this.#filling = { first, queued }
    return known?.first !== first || queued > known.queued
  }

  #takeBatch(): BatchItem<Request, Answer>[] {
    const items: BatchItem<Request, Answer>[] = []
    while (items.length < this.#options.size) {
      const item = this.#queue.shift()
      if (item === undefined) break
      if (item.isOpen) items.push(item)
    }
    return items
  }

  #dispatch(items: readonly BatchItem<Request, Answer>[], reason: DispatchReason): void {
    const { name, waitMs } = this.#options
    const startedAtMs = performance.now()
    const queueMs = startedAtMs - (items[0]?.enqueuedAtMs ?? startedAtMs)
    const finish = this.#concurrency.begin()
    const run = runGuarded(items, this.#handler, { name, dispatchMs: waitMs, observer: this.#observer }).then(
      ({ isLost }) => {
        this.#inFlight.delete(run)
        const durationMs = performance.now() - startedAtMs
        const isFull = items.length >= this.#options.size
        finish({ durationMs, isFull, isDropped: isLost || this.#showsLoad(items) })
        notify(() => this.#observer.finished?.({ items: items.length, durationMs }))
        if (this.#observer.settled !== undefined) this.#reportSettled(items, durationMs)
        this.#pump('turn')
      },
    )
    this.#inFlight.add(run)
    notify(() =>
      this.#observer.dispatched?.({ items: items.length, reason, queueMs, inFlight: this.#inFlight.size }),
    )
  }

  #reportSettled(items: readonly BatchItem<Request, Answer>[], durationMs: number): void {
    const failed = items.filter(({ outcome }) => outcome?.status !== 'fulfilled').length
    notify(() => this.#observer.settled?.({ items: items.length, failed, durationMs }))
  }

  #showsLoad(items: readonly BatchItem<Request, Answer>[]): boolean {
    const { isLoadSignal } = this.#options
    if (isLoadSignal === undefined) return false
    return items.some(({ outcome }) => outcome?.status === 'rejected' && isLoadSignal(outcome.reason))
  }

  #armLinger(): void {
    const first = this.#hasFreePlace() ? this.#queue.peek() : undefined
    if (first === this.#lingering?.first) return
    this.#lingering?.stop()
    this.#lingering = undefined
    if (first === undefined) return
    const onLinger = (): void => {
      this.#lingering = undefined
      this.#pump('timer')
    }
    const dueInMs = this.#dueInMs(first)
    if (dueInMs <= 0) {
      const immediate = setImmediate(onLinger)
      this.#lingering = { first, stop: () => clearImmediate(immediate) }
    } else {
      const timer = setTimeout(onLinger, dueInMs)
      this.#lingering = { first, stop: () => clearTimeout(timer) }
    }
  }

  async #drain(): Promise<void> {
    // Lets close() note that it has begun, so that no handler can put more into it.
    await Promise.resolve()
    this.endLinger()
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight)
  }
}

function checkOptions(options: BatcherOptions): void {
  const { size, lingerMs, queueItemsMax, waitMs, drainMode, tickIntervalMs = 0 } = options
  if (!Number.isSafeInteger(size) || size < 1)
    throw new InvalidArgumentError('size', 'a whole number from 1', size)
  if (!(lingerMs >= 0 && lingerMs <= TIMER_MS_MAX))
    throw new InvalidArgumentError('lingerMs', 'milliseconds from 0', lingerMs)
  if (!(tickIntervalMs >= 0 && tickIntervalMs <= TIMER_MS_MAX))
    throw new InvalidArgumentError('tickIntervalMs', 'milliseconds from 0', tickIntervalMs)
  if (drainMode && tickIntervalMs > 0)
    throw new InvalidArgumentError('tickIntervalMs', '0 in drain mode', tickIntervalMs)
  if (!(queueItemsMax >= 1)) throw new InvalidArgumentError('queueItemsMax', 'a number from 1', queueItemsMax)
  if (!(waitMs > 0 && waitMs <= TIMER_MS_MAX)) {
    throw new InvalidArgumentError('waitMs', `milliseconds from 1 to ${TIMER_MS_MAX}`, waitMs)
  }
}
