import type { Body } from './body-stream.ts'
import type { Permit } from './semaphore.ts'
import { SettledSource } from './settled-source.ts'
import type { PartialDataFile, SubtreeNodes } from './subtree-files.ts'
import { type BuildOptions, subtreeTransactions } from './subtree-transactions.ts'

export interface CreationOptions extends BuildOptions {
  readonly nodes: SubtreeNodes
  readonly partial: PartialDataFile
  readonly permit: Permit
}

/** A data file that is built while its first reader gets it. It is published before the reader sees its end. */
export class SubtreeCreation implements Body {
  readonly #options: CreationOptions
  readonly #source: SettledSource
  #bytes = 0
  #isPublished = false

  constructor(options: CreationOptions) {
    this.#options = options
    this.#source = new SettledSource(options.source)
  }

  get transactions(): number {
    return this.#options.nodes.count
  }

  /** Bytes written so far. */
  get bytes(): number {
    return this.#bytes
  }

  get isPublished(): boolean {
    return this.#isPublished
  }

  async *pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    const { nodes, partial } = this.#options
    const build: BuildOptions = { ...this.#options, source: this.#source }
    for await (const piece of subtreeTransactions(nodes, build)) {
      await partial.write(piece)
      this.#bytes += piece.length
      yield piece
    }
    await partial.publish()
    this.#isPublished = true
  }

  /**
   * Removes what was not published. The permit comes back when the last read has ended in the store, too: clients
   * that come and go quickly would otherwise leave any number of reads behind.
   */
  async release(): Promise<void> {
    const { nodes, partial, permit } = this.#options
    await partial.discard()
    await nodes.close().catch(() => {})
    await this.#source.settled()
    permit.release()
  }
}
