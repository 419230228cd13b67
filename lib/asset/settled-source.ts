import type { ReadTransaction, TransactionSource } from './transaction-source.ts'

/** Knows when the reads that went through it have ended, also those whose answers nobody waits for any more. */
export class SettledSource implements TransactionSource {
  readonly #source: TransactionSource
  readonly #reads = new Set<Promise<void>>()

  constructor(source: TransactionSource) {
    this.#source = source
  }

  batchDecorate(txids: readonly Uint8Array[], fields: readonly ['tx']): Promise<ReadTransaction[]> {
    const read = this.#source.batchDecorate(txids, fields)
    // Of its end alone: what is in a Set that comes and goes outlives many collections of garbage, and answers are large.
    const note = (): void => void this.#reads.delete(settled)
    const settled: Promise<void> = read.then(note, note)
    this.#reads.add(settled)
    return read
  }

  /** Resolves when no read is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#reads)
  }
}
