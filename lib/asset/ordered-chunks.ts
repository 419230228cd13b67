import { StoreError } from '../errors/index.ts'

/**
 * Chunks that were fetched side by side and wait for their turn. More than two for each fetch at a time cannot
 * come together unless the scheduling is defective, and then an error that says so is better than a process that
 * runs out of memory (semantics 9.2).
 */
export class OrderedChunks<Chunk> {
  readonly #pendingMax: number
  readonly #pending = new Map<number, Chunk>()
  #next = 0

  constructor(concurrency: number) {
    this.#pendingMax = 2 * concurrency
  }

  /** Chunks that wait. */
  get pending(): number {
    return this.#pending.size
  }

  /** How many have been taken. */
  get taken(): number {
    return this.#next
  }

  /** Throws `PROCESSING` when too many wait. */
  add(index: number, chunk: Chunk): void {
    this.#pending.set(index, chunk)
    if (this.#pending.size <= this.#pendingMax) return
    const count = this.#pending.size
    this.clear()
    throw new StoreError(
      'PROCESSING',
      `${count} chunks of subtree data wait for chunk ${this.#next}, at most ${this.#pendingMax} may: their fetches are not scheduled in order`,
    )
  }

  /** The next chunk in order, or undefined while it is not there. */
  take(): Chunk | undefined {
    const chunk = this.#pending.get(this.#next)
    if (chunk === undefined) return undefined
    this.#pending.delete(this.#next)
    this.#next += 1
    return chunk
  }

  /** Drops what waits. */
  clear(): void {
    this.#pending.clear()
  }
}
