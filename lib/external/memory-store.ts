import { blobParts, withoutMagic } from './blob-format.ts'
import type { BlobType, ExternalStore } from './external-store.ts'

/** Keeps bodies in this process; they end with it. For the embedded server and for tests. */
export class MemoryStore implements ExternalStore {
  readonly #blobs = new Map<string, Uint8Array>()

  async set(txid: string, type: BlobType, body: Uint8Array): Promise<void> {
    const name = `${txid}.${type}`
    if (!this.#blobs.has(name)) this.#blobs.set(name, Buffer.concat(blobParts(type, body)))
  }

  async get(txid: string, type: BlobType): Promise<Uint8Array | undefined> {
    const blob = this.#blobs.get(`${txid}.${type}`)
    return blob === undefined ? undefined : new Uint8Array(withoutMagic(txid, type, blob))
  }

  async *stream(txid: string, type: BlobType): AsyncGenerator<Uint8Array, void, undefined> {
    const body = await this.get(txid, type)
    if (body !== undefined) yield body
  }

  async delete(txid: string, type: BlobType): Promise<void> {
    this.#blobs.delete(`${txid}.${type}`)
  }

  async close(): Promise<void> {}
}
