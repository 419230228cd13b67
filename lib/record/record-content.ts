import type { Transaction, TransactionInput, TransactionOutput } from '../bitcoin/index.ts'
import { txidToHex } from '../bitcoin/index.ts'
import { InvalidArgumentError, StoreError } from '../errors/index.ts'
import type { PartialOutputs } from './partial-outputs.ts'
import { storedOutputBytes } from './stored-transaction.ts'

/** What of a transaction goes into its records. */
export interface RecordContent {
  readonly txid: Uint8Array
  readonly version: number
  readonly locktime: number
  readonly isCoinbase: boolean
  readonly fee: number
  readonly sizeInBytes: number
  readonly extendedSize: number
  readonly inputs: readonly TransactionInput[]
  /** Null where an output of a partial transaction is not known. */
  readonly outputs: readonly (TransactionOutput | null)[]
}

/** A body above this many bytes is kept in the external store (semantics 1.8). */
const BODY_IN_RECORD_MAX = 32_768

/** Measured as a whole in the extended format; without inputs, when only outputs are kept, by these. */
export function needsExternalBody(tx: Transaction): boolean {
  if (tx.inputs.length === 0) return outputsNeedExternalBody(tx.outputs)
  return tx.extendedSizeBytes > BODY_IN_RECORD_MAX
}

/** Whether outputs of which no transaction is known are too large for a record. */
export function outputsNeedExternalBody(outputs: RecordContent['outputs']): boolean {
  let bytes = 0
  for (const output of outputs) if (output !== null) bytes += storedOutputBytes(output)
  return bytes > BODY_IN_RECORD_MAX
}

export function needsSeveralRecords(outputCount: number, utxoBatchSize: number): boolean {
  return outputCount > utxoBatchSize
}

/**
 * The content of a whole transaction. Throws `PROCESSING` without outputs, or when inputs do not carry what
 * they spend, unless that is asked for; then the fee is unknown and stored as 0 (semantics 1.6). Throws
 * `INVALID_ARGUMENT` for a fee beyond 2^53, which no reader could give back: more than there will ever be.
 */
export function transactionContent(
  tx: Transaction,
  { isCoinbase, skipExtendedInputs }: { isCoinbase: boolean; skipExtendedInputs: boolean },
): RecordContent {
  if (tx.outputs.length === 0)
    throw new StoreError('PROCESSING', `transaction ${txidToHex(tx.txid)} has no outputs`)
  if (!isCoinbase && tx.inputs.length > 0 && !tx.isExtended && !skipExtendedInputs) {
    throw new StoreError(
      'PROCESSING',
      `the inputs of ${txidToHex(tx.txid)} do not carry what they spend; call previousOutputsDecorate first, or set skipExtendedInputs`,
    )
  }
  const { txid, version, locktime, inputs, outputs } = tx
  const hasFee = !isCoinbase && inputs.length > 0 && tx.isExtended
  return {
    txid,
    version,
    locktime,
    isCoinbase,
    fee: hasFee ? feeOf(tx) : 0,
    // Without inputs it is a partial transaction, whose size nobody knows (semantics 1.5).
    sizeInBytes: inputs.length === 0 ? 0 : tx.sizeBytes,
    extendedSize: inputs.length === 0 ? 0 : tx.extendedSizeBytes,
    inputs,
    outputs,
  }
}

/** The content of a transaction of which only outputs are known: no inputs, no fee, no size (semantics 1.5). */
export function partialContent({ txid, isCoinbase, outputs }: PartialOutputs): RecordContent {
  return {
    txid,
    version: 1,
    locktime: 0,
    isCoinbase,
    fee: 0,
    sizeInBytes: 0,
    extendedSize: 0,
    inputs: [],
    outputs,
  }
}

function feeOf({ inputs, outputs }: Transaction): number {
  let fee = 0n
  for (const { previousSatoshis = 0n } of inputs) fee += previousSatoshis
  for (const { satoshis } of outputs) fee -= satoshis
  const number = Number(fee)
  if (!Number.isSafeInteger(number)) throw new InvalidArgumentError('fee', 'satoshis within 2^53', fee)
  return number
}
