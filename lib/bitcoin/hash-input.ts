import { ByteWriter } from './byte-writer.ts'

/** Transactions and outputs of the usual sizes; longer ones get memory of their own. */
const BYTES_MAX = 2048

const memory = Buffer.allocUnsafeSlow(BYTES_MAX)
/** The first so many bytes of it, by how many: what is hashed has few lengths, and they come again and again. */
const beginnings = new Array<Buffer | undefined>(BYTES_MAX + 1).fill(undefined)

/**
 * A writer of what is written only to be hashed, into the same memory each time: nothing else may be written so
 * before it is hashed.
 */
export function hashInput(sizeBytes: number): ByteWriter {
  if (sizeBytes > BYTES_MAX) return new ByteWriter(sizeBytes)
  let buffer = beginnings[sizeBytes]
  if (buffer === undefined) {
    buffer = memory.subarray(0, sizeBytes)
    beginnings[sizeBytes] = buffer
  }
  return new ByteWriter(sizeBytes, buffer)
}
