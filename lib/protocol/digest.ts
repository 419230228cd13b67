import { hash } from 'node:crypto'
import { PARTICLE_TYPES } from './particle-types.ts'

export const DIGEST_BYTES = 20
/** Partitions of a namespace; fixed by the protocol. */
export const PARTITION_COUNT = 4096

/** A user key as the digest and field 2 hold it: particle type and wire bytes. */
export interface UserKey {
  readonly type: number
  readonly value: Uint8Array
}

/** The key of a record as callers have it: strings as UTF-8, bytes as blobs, integers as 64 bits. */
export function userKey(key: string | Uint8Array | bigint | number): UserKey {
  if (typeof key === 'string') return { type: PARTICLE_TYPES.STRING, value: Buffer.from(key, 'utf8') }
  if (key instanceof Uint8Array) return { type: PARTICLE_TYPES.BLOB, value: key }
  const value = Buffer.allocUnsafe(8)
  value.writeBigInt64BE(BigInt(key))
  return { type: PARTICLE_TYPES.INTEGER, value }
}

/**
 * The identity of a record within its namespace (protocol 4): RIPEMD-160 over the set's name, the type byte
 * of the key and the key's wire bytes. An empty set name contributes nothing.
 *
 * @param setName one that is sent as UTF-8
 */
export function recordDigest(setName: string, key: UserKey): Buffer {
  const setBytes = Buffer.byteLength(setName, 'utf8')
  const input = Buffer.allocUnsafe(setBytes + 1 + key.value.length)
  input.write(setName, 0, 'utf8')
  input[setBytes] = key.type
  input.set(key.value, setBytes + 1)
  return hash('ripemd160', input, 'buffer')
}

/** The partition of a digest, 0 to 4095: its first two bytes, little-endian, masked to 12 bits. */
export function partitionId(digest: Uint8Array): number {
  return ((digest[0] ?? 0) | ((digest[1] ?? 0) << 8)) & (PARTITION_COUNT - 1)
}
