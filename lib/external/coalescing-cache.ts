export interface CoalescingCacheOptions<Value> {
  /** The most entries; 0 is no limit. */
  readonly itemsMax: number
  /** The most bytes of all values. */
  readonly bytesMax: number
  /** How long an entry lives, in milliseconds. */
  readonly lifeMs: number
  /** Length of a value, in bytes. */
  readonly sizeOf: (value: Value) => number
  /** Whether a value is worth an entry; all are where absent. */
  readonly isWorthKeeping?: ((value: Value) => boolean) | undefined
}

interface Entry<Value> {
  readonly value: Value
  readonly bytes: number
  readonly endsAtMs: number
}

/**
 * Keeps what was fetched for a short time, the oldest going first. Callers that miss one key at a time share one
 * fetch; other keys are not held up. A failure goes to those who share it and is not kept.
 */
export class CoalescingCache<Value> {
  readonly #options: CoalescingCacheOptions<Value>
  /** In the order of their ends, for all live equally long. */
  readonly #entries = new Map<string, Entry<Value>>()
  readonly #fetches = new Map<string, Promise<Value>>()
  #bytes = 0

  constructor(options: CoalescingCacheOptions<Value>) {
    this.#options = options
  }

  get items(): number {
    this.#removeEnded()
    return this.#entries.size
  }

  get bytes(): number {
    this.#removeEnded()
    return this.#bytes
  }

  /** The value as it is kept, shared by all callers: it must not be changed. */
  async get(key: string, fetch: () => Promise<Value>): Promise<Value> {
    this.#removeEnded()
    const entry = this.#entries.get(key)
    if (entry !== undefined) return entry.value
    const running = this.#fetches.get(key)
    if (running !== undefined) return running
    const fetched = started(fetch)
    this.#fetches.set(key, fetched)
    try {
      const value = await fetched
      if (this.#fetches.get(key) === fetched) this.#keep(key, value)
      return value
    } finally {
      if (this.#fetches.get(key) === fetched) this.#fetches.delete(key)
    }
  }

  /** What is kept or being fetched of a key is out of date: whoever asks from now on has it fetched anew. */
  forget(key: string): void {
    this.#fetches.delete(key)
    this.#remove(key)
  }

  #keep(key: string, value: Value): void {
    const { itemsMax, bytesMax, lifeMs, sizeOf, isWorthKeeping } = this.#options
    const bytes = sizeOf(value)
    if (bytes > bytesMax || isWorthKeeping?.(value) === false) return
    this.#entries.set(key, { value, bytes, endsAtMs: performance.now() + lifeMs })
    this.#bytes += bytes
    for (const [oldest] of this.#entries) {
      const isFull = this.#bytes > bytesMax || (itemsMax > 0 && this.#entries.size > itemsMax)
      if (!isFull) break
      this.#remove(oldest)
    }
  }

  #removeEnded(): void {
    const now = performance.now()
    for (const [key, { endsAtMs }] of this.#entries) {
      if (endsAtMs > now) break
      this.#remove(key)
    }
  }

  #remove(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0
    this.#entries.delete(key)
  }
}

/** A fetch that throws at once fails like one that throws later. */
async function started<Value>(fetch: () => Promise<Value>): Promise<Value> {
  return fetch()
}
