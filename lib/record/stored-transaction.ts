import {
  ByteReader,
  ByteWriter,
  readInput,
  readOutput,
  type TransactionInput,
  type TransactionOutput,
  variableBytesSize,
  writeExtension,
  writeInput,
  writeOutput,
} from '../bitcoin/index.ts'
import { messageOf, StoreError } from '../errors/index.ts'

const INPUT_FIXED_BYTES = 48
const OUTPUT_FIXED_BYTES = 8
const NO_SCRIPT = new Uint8Array(0)

/**
 * Elements of the bins `inputs` and `outputs` (semantics 1.6): an input as the extended format has it, with what
 * it spends (nothing and an empty script where that is not known); an output as both formats have it.
 */
export function encodeStoredInput(input: TransactionInput): Uint8Array {
  const scriptBytes =
    variableBytesSize(input.unlockingScript) + variableBytesSize(input.previousLockingScript ?? NO_SCRIPT)
  const writer = new ByteWriter(INPUT_FIXED_BYTES + scriptBytes)
  writeInput(writer, input)
  writeExtension(writer, input)
  return writer.filled()
}

/**
 * A value of 0 with an empty script reads as not known: so it is written where it was not known, and an input
 * that seemed to carry what it spends could never be decorated. Where an output was really so, its parent tells.
 */
export function decodeStoredInput(bytes: Uint8Array): TransactionInput {
  try {
    const reader = new ByteReader(bytes)
    const input = readInput(reader, true)
    reader.expectEnd('element')
    const isKnown = input.previousSatoshis !== 0n || input.previousLockingScript?.length !== 0
    return isKnown ? input : { ...input, previousSatoshis: undefined, previousLockingScript: undefined }
  } catch (error) {
    throw damaged('inputs', error)
  }
}

export function storedOutputBytes({ lockingScript }: TransactionOutput): number {
  return OUTPUT_FIXED_BYTES + variableBytesSize(lockingScript)
}

export function encodeStoredOutput(output: TransactionOutput): Uint8Array {
  const writer = new ByteWriter(storedOutputBytes(output))
  writeOutput(writer, output)
  return writer.filled()
}

export function decodeStoredOutput(bytes: Uint8Array): TransactionOutput {
  try {
    const reader = new ByteReader(bytes)
    const output = readOutput(reader)
    reader.expectEnd('element')
    return output
  } catch (error) {
    throw damaged('outputs', error)
  }
}

/** What does not parse here is our own damaged data, never the fault of a submitter (semantics 0.3). */
function damaged(bin: string, cause: unknown): StoreError {
  return new StoreError('STORAGE_ERROR', `an element of the bin ${bin} is damaged: ${messageOf(cause)}`, {
    cause,
  })
}
