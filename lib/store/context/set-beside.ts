import { createHash } from 'node:crypto'

/** The longest name of a set. */
const SET_BYTES_MAX = 63
const HASH_CHARACTERS = 32

/** The name of a further set of the store's: its own and a suffix, or a hash of it where that would be too long. */
export function setBeside(set: string, suffix: string): string {
  if (Buffer.byteLength(set) + suffix.length <= SET_BYTES_MAX) return `${set}${suffix}`
  return `${createHash('sha256').update(set).digest('hex').slice(0, HASH_CHARACTERS)}${suffix}`
}
