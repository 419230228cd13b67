import type { Transaction, TransactionInput, TransactionOutput } from '../bitcoin/index.ts'
import { txidToHex } from '../bitcoin/index.ts'
import { StoreError } from '../errors/index.ts'
import type { PartialOutputs } from './partial-outputs.ts'

/** What of a transaction goes into its records. */
export interface RecordContent {
  readonly txid: Uint8Array
  readonly version: number
  readonly locktime: number
  readonly isCoinbase: boolean
  readonly fee: bigint
  readonly sizeInBytes: number
  readonly extendedSize: number
  readonly inputs: readonly TransactionInput[]
  /** Null where an output of a partial transaction is not known. */
  readonly outputs: readonly (TransactionOutput | null)[]
}

/** An extended transaction above this size keeps its body in the external store (semantics 1.8). */
const EXTENDED_SIZE_IN_RECORD_MAX = 32_768

export function needsExternalBody(tx: Transaction): boolean {
  return tx.extendedSizeBytes > EXTENDED_SIZE_IN_RECORD_MAX
}

export function needsSeveralRecords(outputCount: number, utxoBatchSize: number): boolean {
  return outputCount > utxoBatchSize
}

/**
 * The content of a whole transaction. Throws `PROCESSING` without outputs, or when inputs do not carry what
 * they spend, unless that is asked for; then the fee is unknown and stored as 0 (semantics 1.6).
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
    fee: hasFee ? feeOf(tx) : 0n,
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
    fee: 0n,
    sizeInBytes: 0,
    extendedSize: 0,
    inputs: [],
    outputs,
  }
}

function feeOf({ inputs, outputs }: Transaction): bigint {
  let fee = 0n
  for (const { previousSatoshis = 0n } of inputs) fee += previousSatoshis
  for (const { satoshis } of outputs) fee -= satoshis
  return fee
}
