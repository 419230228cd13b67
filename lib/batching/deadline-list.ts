/** What a deadline ends. A link of its list itself, so that nothing more is made for each wait. */
export interface DeadlineLink {
  /** On the `performance.now()` clock, in whole milliseconds: a number with a fraction would be an object of its own. */
  dueAtMs: number
  /** For the list only. */
  earlier: DeadlineLink | undefined
  /** For the list only. */
  later: DeadlineLink | undefined
  /** Its time has come; it is out of the list already. */
  passDeadline(): void
}

/**
 * Waits of one length, on one timer. They end in the order in which they began, so the first of them is the only
 * one that a timer is needed for. A timer of Node's for each wait would be made and taken back two hundred thousand
 * times a second, and nearly none would ever fire.
 */
export class DeadlineList {
  /** Milliseconds. */
  readonly waitMs: number
  #first: DeadlineLink | undefined
  #last: DeadlineLink | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(waitMs: number) {
    this.waitMs = waitMs
  }

  /** Begins a wait: its deadline passes after the list's time, unless it is removed before. */
  add(link: DeadlineLink): void {
    link.dueAtMs = Math.ceil(performance.now() + this.waitMs)
    link.earlier = this.#last
    link.later = undefined
    if (this.#last === undefined) {
      this.#first = link
      lists.set(this.waitMs, this)
    } else this.#last.later = link
    this.#last = link
    this.#timer ??= setTimeout(this.#onTimer, this.waitMs)
  }

  /** Ends a wait that is in the list. */
  remove(link: DeadlineLink): void {
    const { earlier, later } = link
    if (earlier === undefined) this.#first = later
    else earlier.later = later
    if (later === undefined) this.#last = earlier
    else later.earlier = earlier
    link.earlier = undefined
    link.later = undefined
    if (this.#first === undefined) this.#rest()
  }

  /** Nobody waits: nothing may hold the process, or remember this list. */
  #rest(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (lists.get(this.waitMs) === this) lists.delete(this.waitMs)
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined
    try {
      while (this.#first !== undefined && this.#dueInMs(this.#first) <= 0) {
        const link = this.#first
        this.remove(link)
        link.passDeadline()
      }
    } finally {
      // One that was set meanwhile, for a wait that began just now, would come too late for those before it.
      clearTimeout(this.#timer)
      this.#timer =
        this.#first === undefined ? undefined : setTimeout(this.#onTimer, this.#dueInMs(this.#first))
    }
  }

  /** Node's timers may fire a fraction of a millisecond early, and know no such fractions. */
  #dueInMs({ dueAtMs }: DeadlineLink): number {
    return Math.round(dueAtMs - performance.now())
  }
}

/** Those in which somebody waits, by their time. */
const lists = new Map<number, DeadlineList>()

/** The list of waits that last `waitMs` milliseconds at the most; shared by all who wait so long. */
export function deadlineList(waitMs: number): DeadlineList {
  return lists.get(waitMs) ?? new DeadlineList(waitMs)
}
