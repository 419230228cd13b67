import { type BlobType, type ExternalStore, withMagic, withoutMagic } from './external-store.ts'

/** Keeps bodies in this process; they end with it. For the embedded server and for tests. */
export class MemoryStore implements ExternalStore {
  readonly #blobs = new Map<string, Uint8Array>()

  async set(txid: string, type: BlobType, body: Uint8Array): Promise<void> {
    const name = `${txid}.${type}`
    if (!this.#blobs.has(name)) this.#blobs.set(name, withMagic(type, body))
  }

  async get(txid: string, type: BlobType): Promise<Uint8Array | undefined> {
    const blob = this.#blobs.get(`${txid}.${type}`)
    return blob === undefined ? undefined : withoutMagic(txid, type, blob).slice()
  }

  async delete(txid: string, type: BlobType): Promise<void> {
    this.#blobs.delete(`${txid}.${type}`)
  }
}
