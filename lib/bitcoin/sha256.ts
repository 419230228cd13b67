import { hash } from 'node:crypto'

const DIGEST_BYTES = 32

/** Nothing runs between its being filled and its being hashed. */
const firstDigest = new Uint8Array(DIGEST_BYTES)

/** SHA-256, 32 bytes. */
export function sha256(data: Uint8Array): Uint8Array {
  return bytesOf(hash('sha256', data, 'binary'))
}

/** SHA-256 of SHA-256, the hash of txids, block hashes and Merkle nodes; 32 bytes, internal order. */
export function doubleSha256(data: Uint8Array): Uint8Array {
  fill(firstDigest, hash('sha256', data, 'binary'))
  return bytesOf(hash('sha256', firstDigest, 'binary'))
}

/** Node gives a text, one character for each byte, in half the time of a buffer; and an array this small lies on the heap. */
function bytesOf(digest: string): Uint8Array {
  const bytes = new Uint8Array(DIGEST_BYTES)
  fill(bytes, digest)
  return bytes
}

function fill(bytes: Uint8Array, digest: string): void {
  for (let i = 0; i < DIGEST_BYTES; i++) bytes[i] = digest.charCodeAt(i)
}
