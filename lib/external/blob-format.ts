import { StoreError } from '../errors/index.ts'
import type { BlobType } from './external-store.ts'

/** Blobs begin with a magic of 8 bytes, which the backend adds and checks; callers see the body (semantics 1.8). */
const MAGIC: Readonly<Record<BlobType, Buffer>> = {
  tx: Buffer.from('T-1.0   ', 'latin1'),
  outputs: Buffer.from('O-1.0   ', 'latin1'),
}

const MAGIC_BYTES = 8

/** The magic and the body, apart: a body may be too large to be copied. */
export function blobParts(type: BlobType, body: Uint8Array): [magic: Buffer, body: Uint8Array] {
  return [MAGIC[type], body]
}

/** Strips the magic; throws `STORAGE_ERROR` for a blob that is cut short or of another type. */
export function withoutMagic(txid: string, type: BlobType, blob: Uint8Array): Uint8Array {
  if (Buffer.compare(MAGIC[type], blob.subarray(0, MAGIC_BYTES)) !== 0) {
    throw new StoreError('STORAGE_ERROR', `the external body ${txid}.${type} does not begin with its magic`)
  }
  return blob.subarray(MAGIC_BYTES)
}

/** As `withoutMagic`, of a blob that comes in pieces of any length. */
export async function* streamWithoutMagic(
  txid: string,
  type: BlobType,
  blob: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let head: Uint8Array | undefined = new Uint8Array(0)
  for await (const piece of blob) {
    if (head === undefined) {
      yield piece
      continue
    }
    head = Buffer.concat([head, piece])
    if (head.length < MAGIC_BYTES) continue
    yield withoutMagic(txid, type, head)
    head = undefined
  }
  if (head !== undefined) withoutMagic(txid, type, head)
}
