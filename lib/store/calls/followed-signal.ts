import { setMaxListeners } from 'node:events'

/** A signal of a call's own, fired with the caller's, where there is one: many listeners on it are no leak, as they would be there. */
export class FollowedSignal {
  readonly #controller = new AbortController()
  readonly #followed: AbortSignal | undefined

  constructor(followed: AbortSignal | undefined) {
    this.#followed = followed
    setMaxListeners(0, this.#controller.signal)
    if (followed !== undefined) Followers.of(followed).add(this)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  fire(reason: unknown): void {
    this.#controller.abort(reason)
  }

  stop(): void {
    if (this.#followed !== undefined) Followers.of(this.#followed).remove(this)
  }
}

/**
 * All that follow one signal, with one listener on it: callers give the same signal to any number of calls, for
 * which Node would warn of a leak, and each further listener costs it a look at all those before.
 */
class Followers {
  static readonly #bySignal = new WeakMap<AbortSignal, Followers>()
  readonly #signal: AbortSignal
  readonly #all = new Set<FollowedSignal>()

  private constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  static of(signal: AbortSignal): Followers {
    const known = Followers.#bySignal.get(signal)
    if (known !== undefined) return known
    const made = new Followers(signal)
    Followers.#bySignal.set(signal, made)
    return made
  }

  add(follower: FollowedSignal): void {
    if (this.#all.size === 0) this.#signal.addEventListener('abort', this.#onAbort, { once: true })
    this.#all.add(follower)
  }

  /** Without followers there is no listener: one would keep a signal that was made of others in memory. */
  remove(follower: FollowedSignal): void {
    if (this.#all.delete(follower) && this.#all.size === 0)
      this.#signal.removeEventListener('abort', this.#onAbort)
  }

  readonly #onAbort = (): void => {
    for (const follower of this.#all) follower.fire(this.#signal.reason)
  }
}
