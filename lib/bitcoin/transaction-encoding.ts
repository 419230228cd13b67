import { ByteWriter } from './byte-writer.ts'
import { compactSizeLength } from './compact-size.ts'
import type { TransactionInput, TransactionOutput, TransactionParts } from './transaction.ts'

/**
 * The standard format, integers little-endian:
 *
 *     version u32 | CompactSize(inputs) input… | CompactSize(outputs) output… | locktime u32
 *     input:   previous txid(32) | previous vout u32 | CompactSize(length) unlocking script | sequence u32
 *     output:  satoshis u64 | CompactSize(length) locking script
 *
 * The extended format (BIP-239) puts the six bytes of EXTENDED_MARKER after the version, and after each input
 * `previous satoshis u64 | CompactSize(length) previous locking script`.
 */
export const EXTENDED_MARKER = [0, 0, 0, 0, 0, 0xef] as const

/** The shortest encodings, in bytes: what a count has to leave room for. */
export const INPUT_BYTES_MIN = 32 + 4 + 1 + 4
export const OUTPUT_BYTES_MIN = 8 + 1
export const EXTENSION_BYTES_MIN = 8 + 1
export const TRANSACTION_BYTES_MIN = 4 + 1 + 1 + 4

const NO_SCRIPT = new Uint8Array(0)

/** Length of a CompactSize length and the bytes behind it. */
export function variableBytesSize(bytes: Uint8Array): number {
  return compactSizeLength(bytes.length) + bytes.length
}

/** Length of the standard encoding, in bytes. */
export function standardSizeBytes(
  inputs: TransactionParts['inputs'],
  outputs: TransactionParts['outputs'],
): number {
  let sizeBytes = 4 + compactSizeLength(inputs.length) + compactSizeLength(outputs.length) + 4
  for (const { unlockingScript } of inputs) sizeBytes += 32 + 4 + variableBytesSize(unlockingScript) + 4
  for (const { lockingScript } of outputs) sizeBytes += 8 + variableBytesSize(lockingScript)
  return sizeBytes
}

/** What the extended encoding has more than the standard one, in bytes. */
export function extensionSizeBytes(inputs: TransactionParts['inputs']): number {
  let sizeBytes: number = EXTENDED_MARKER.length
  for (const { previousLockingScript } of inputs)
    sizeBytes += 8 + variableBytesSize(previousLockingScript ?? NO_SCRIPT)
  return sizeBytes
}

/** One input as both formats have it, without what it spends. */
export function writeInput(writer: ByteWriter, input: TransactionInput): void {
  writer
    .bytes(input.previousTxid)
    .uint32(input.previousVout)
    .variableBytes(input.unlockingScript)
    .uint32(input.sequence)
}

/** What an input spends; zero and an empty script where it is not known. */
export function writeExtension(writer: ByteWriter, input: TransactionInput): void {
  writer.uint64(input.previousSatoshis ?? 0n).variableBytes(input.previousLockingScript ?? NO_SCRIPT)
}

export function writeOutput(writer: ByteWriter, { satoshis, lockingScript }: TransactionOutput): void {
  writer.uint64(satoshis).variableBytes(lockingScript)
}

/** Fills a writer of the size that `standardSizeBytes` says. */
export function writeStandard(
  writer: ByteWriter,
  { version, inputs, outputs, locktime }: TransactionParts,
): ByteWriter {
  writer.uint32(version).compactSize(inputs.length)
  for (const input of inputs) writeInput(writer, input)
  writer.compactSize(outputs.length)
  for (const output of outputs) writeOutput(writer, output)
  return writer.uint32(locktime)
}

export function writeExtended(
  { version, inputs, outputs, locktime }: TransactionParts,
  sizeBytes: number,
): Uint8Array {
  const writer = new ByteWriter(sizeBytes).uint32(version).bytes(Uint8Array.from(EXTENDED_MARKER))
  writer.compactSize(inputs.length)
  for (const input of inputs) {
    writeInput(writer, input)
    writeExtension(writer, input)
  }
  writer.compactSize(outputs.length)
  for (const output of outputs) writeOutput(writer, output)
  return writer.uint32(locktime).finish()
}
