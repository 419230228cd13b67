import { hash } from 'node:crypto'

/** SHA-256, 32 bytes. */
export function sha256(data: Uint8Array): Uint8Array {
  const digest = hash('sha256', data, 'buffer')
  return new Uint8Array(digest.buffer, digest.byteOffset, digest.byteLength)
}

/** SHA-256 of SHA-256, the hash of txids, block hashes and Merkle nodes; 32 bytes, internal order. */
export function doubleSha256(data: Uint8Array): Uint8Array {
  return sha256(hash('sha256', data, 'buffer'))
}
