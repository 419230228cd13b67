import type { ReadTransaction, TransactionSource } from './transaction-source.ts'

/** Knows when the reads that went through it have ended, also those whose answers nobody waits for any more. */
export class SettledSource implements TransactionSource {
  readonly #source: TransactionSource
  readonly #reads = new Set<Promise<unknown>>()

  constructor(source: TransactionSource) {
    this.#source = source
  }

  batchDecorate(txids: readonly Uint8Array[], fields: readonly ['tx']): Promise<ReadTransaction[]> {
    const read = this.#source.batchDecorate(txids, fields)
    const settled: Promise<unknown> = read.catch(() => {}).finally(() => this.#reads.delete(settled))
    this.#reads.add(settled)
    return read
  }

  /** Resolves when no read is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#reads)
  }
}
