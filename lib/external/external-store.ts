import { StoreError } from '../errors/index.ts'

/**
 * What a blob holds: `tx` the whole transaction in extended format, `outputs` only some of its outputs
 * (semantics 1.8). Blobs begin with a magic of 8 bytes, which the backend adds and checks; callers see the body.
 */
export type BlobType = 'tx' | 'outputs'

const MAGIC: Readonly<Record<BlobType, Buffer>> = {
  tx: Buffer.from('T-1.0   ', 'latin1'),
  outputs: Buffer.from('O-1.0   ', 'latin1'),
}

/** Keeps the bodies of transactions that are too large for a record. */
export interface ExternalStore {
  /** Publishes a body whole or not at all. A body that is there already is success and stays as it is. */
  set(txid: string, type: BlobType, body: Uint8Array): Promise<void>
  /** The body, or undefined where there is none. `txid` is display hex. */
  get(txid: string, type: BlobType): Promise<Uint8Array | undefined>
  /** Removes a body; a missing one is fine. */
  delete(txid: string, type: BlobType): Promise<void>
}

export function withMagic(type: BlobType, body: Uint8Array): Buffer {
  return Buffer.concat([MAGIC[type], body])
}

/** Strips the magic; throws `STORAGE_ERROR` for a blob that is cut short or of another type. */
export function withoutMagic(txid: string, type: BlobType, blob: Uint8Array): Uint8Array {
  const magic = MAGIC[type]
  if (blob.byteLength < magic.byteLength || Buffer.compare(magic, blob.subarray(0, magic.byteLength)) !== 0) {
    throw new StoreError('STORAGE_ERROR', `the external body ${txid}.${type} does not begin with its magic`)
  }
  return blob.subarray(magic.byteLength)
}
