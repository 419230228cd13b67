import { randomUUID } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const TXID_BYTES = 32
const CHUNK_TXIDS = 4_096

/**
 * Txids that are noted in a temporary file, because a replay of any length must not keep them in memory. The file has no
 * name any more, so that nothing is left of it however the process ends.
 */
export class TxidFile {
  readonly #file: FileHandle
  #count = 0

  private constructor(file: FileHandle) {
    this.#file = file
  }

  static async create(): Promise<TxidFile> {
    const path = join(tmpdir(), `utxo-store-txids-${randomUUID()}`)
    const file = await open(path, 'wx+', 0o600)
    await rm(path)
    return new TxidFile(file)
  }

  get count(): number {
    return this.#count
  }

  async append(txids: readonly Uint8Array[]): Promise<void> {
    await this.#file.appendFile(Buffer.concat(txids))
    this.#count += txids.length
  }

  /** All of them, some thousands at a time. */
  async *chunks(): AsyncGenerator<Uint8Array[], void, undefined> {
    for (let first = 0; first < this.#count; first += CHUNK_TXIDS) {
      const length = Math.min(CHUNK_TXIDS, this.#count - first) * TXID_BYTES
      const { buffer } = await this.#file.read(new Uint8Array(length), 0, length, first * TXID_BYTES)
      const txids: Uint8Array[] = []
      for (let at = 0; at < length; at += TXID_BYTES) txids.push(buffer.subarray(at, at + TXID_BYTES))
      yield txids
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
  }
}
