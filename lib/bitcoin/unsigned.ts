import { InvalidArgumentError } from '../errors/index.ts'

export const UINT32_MAX = 0xffff_ffff
export const UINT64_MAX = 0xffff_ffff_ffff_ffffn

/** Refuses anything but a whole number of 0 … 2^32 − 1, and returns it. */
export function requireUint32(value: number, field: string): number {
  if (!Number.isInteger(value) || value < 0 || value > UINT32_MAX) {
    throw new InvalidArgumentError(field, 'a whole number of 0 … 4294967295', value)
  }
  return value
}

/** Refuses anything but a bigint of 0 … 2^64 − 1, and returns it. */
export function requireUint64(value: bigint, field: string): bigint {
  if (typeof value !== 'bigint' || value < 0n || value > UINT64_MAX) {
    throw new InvalidArgumentError(field, 'a bigint of 0 … 2^64 − 1', value)
  }
  return value
}

/** Writes the four bytes of a value of 0 … 2^32 − 1, little-endian; without a view, which costs more than the bytes. */
export function setUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}
