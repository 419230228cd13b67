import type { BatchOptions, BatchRow, RowAnswer, Transport } from '../../../index.ts'

/** The transport of a store, with a count of what passes it, and the rows themselves while they are wanted. */
export class CountingSeam implements Transport {
  readonly #transport: Transport
  #batches = 0
  #rows = 0
  #recorded: (readonly BatchRow[])[] | undefined

  constructor(transport: Transport) {
    this.#transport = transport
  }

  get preparesStatements(): boolean | undefined {
    return this.#transport.preparesStatements
  }

  batchOperate(rows: readonly BatchRow[], options: BatchOptions): Promise<readonly RowAnswer[]> {
    this.#batches += 1
    this.#rows += rows.length
    this.#recorded?.push(rows)
    return this.#transport.batchOperate(rows, options)
  }

  takeCounts(): { batches: number; rows: number } {
    const counts = { batches: this.#batches, rows: this.#rows }
    this.#batches = 0
    this.#rows = 0
    return counts
  }

  /** Keeps the rows of every batch from now on. */
  record(): void {
    this.#recorded = []
  }

  takeRecorded(): (readonly BatchRow[])[] {
    const recorded = this.#recorded ?? []
    this.#recorded = undefined
    return recorded
  }
}
