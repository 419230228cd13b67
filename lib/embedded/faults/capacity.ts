/** When a request is served: it waits until one of the places is free. */
export interface Service {
  readonly startMs: number
  readonly endMs: number
}

/** So many places, in which requests are served one after the other in the order in which they arrived. */
export class Capacity {
  /** When each place is free again. */
  readonly #freeAtMs: number[]

  constructor(concurrency: number) {
    this.#freeAtMs = new Array(concurrency).fill(0)
  }

  /**
   * Takes a request in.
   *
   * @param patienceMs a request that would wait longer is not served, and takes no place
   * @returns when it is served, or until when it waits in vain
   */
  admit(nowMs: number, serviceMs: number, patienceMs: number): Service | { readonly expiredMs: number } {
    let place = 0
    for (let other = 1; other < this.#freeAtMs.length; other++) {
      if (this.#freeAt(other) < this.#freeAt(place)) place = other
    }
    const startMs = Math.max(nowMs, this.#freeAt(place))
    if (startMs - nowMs > patienceMs) return { expiredMs: startMs }
    const endMs = startMs + serviceMs
    this.#freeAtMs[place] = endMs
    return { startMs, endMs }
  }

  #freeAt(place: number): number {
    return this.#freeAtMs[place] ?? 0
  }
}
