import { StoreError } from '../../../errors/index.ts'
import { HandOff } from './hand-off.ts'

/** How far a walk over a set has come. */
export interface WalkProgress {
  /** Partitions read to their end. */
  readonly done: number
  /** Partitions in all: 4096. */
  readonly total: number
  /** Records read, those that were passed over included. */
  readonly records: number
}

/** What the work of a walk gets to hand its entries out with. */
export interface WalkOutput<Entry> {
  /** Resolves when the consumer has taken the batch: back-pressure. */
  hand(batch: Entry[]): Promise<void>
  counted(records: number): void
}

type Work<Entry> = (output: WalkOutput<Entry>, signal: AbortSignal) => Promise<void>

/**
 * A walk over the records of a set: an async iterable of batches, to be iterated once. It begins with the
 * iteration, reads on only as fast as batches are taken, and ends when the loop is left. The first failure of any
 * of its queries ends it with that error.
 */
export class RecordWalk<Entry> implements AsyncIterable<Entry[]> {
  readonly #run: (
    work: (signal: AbortSignal | undefined) => Promise<void>,
    signal: AbortSignal,
  ) => Promise<void>
  readonly #work: Work<Entry>
  readonly #left = new AbortController()
  readonly #handOff = new HandOff<Entry[]>()
  #records = 0
  #running: Promise<void> | undefined
  #isIterated = false

  /** @param run admits the walk as a call of the store and bounds it */
  constructor(
    run: (work: (signal: AbortSignal | undefined) => Promise<void>, signal: AbortSignal) => Promise<void>,
    work: Work<Entry>,
  ) {
    this.#run = run
    this.#work = work
  }

  /** Records read so far, those that were passed over included. */
  get recordsScanned(): number {
    return this.#records
  }

  /** Ends the walk; its iteration is then over. Idempotent; resolves when none of its queries runs any more. */
  async close(): Promise<void> {
    this.#left.abort(new StoreError('CONTEXT_CANCELED', 'the walk was closed'))
    this.#handOff.end()
    await this.#running
  }

  [Symbol.asyncIterator](): AsyncIterator<Entry[], undefined> {
    if (this.#isIterated) throw new StoreError('INVALID_ARGUMENT', 'a walk can be iterated once')
    this.#isIterated = true
    return {
      next: () => {
        this.#running ??= this.#begin()
        return this.#handOff.take()
      },
      return: async () => {
        await this.close()
        return { done: true, value: undefined }
      },
    }
  }

  /** Never rejects: its failure is the iteration's. */
  async #begin(): Promise<void> {
    const signal = this.#left.signal
    let working: Promise<void> = Promise.resolve()
    const output: WalkOutput<Entry> = {
      hand: batch => this.#handOff.offer(batch),
      counted: records => {
        this.#records += records
      },
    }
    try {
      await this.#run(given => {
        working = this.#work(output, given ?? signal)
        return working
      }, signal)
      this.#handOff.end()
    } catch (error) {
      this.#handOff.end(error)
    }
    await working.catch(() => {})
  }
}
