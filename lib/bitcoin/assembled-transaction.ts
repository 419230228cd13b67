import { InvalidArgumentError, StoreError } from '../errors/index.ts'
import { ByteWriter } from './byte-writer.ts'
import { hashInput } from './hash-input.ts'
import { doubleSha256 } from './sha256.ts'
import type { Transaction, TransactionInput, TransactionOutput, TransactionParts } from './transaction.ts'
import {
  extensionSizeBytes,
  standardSizeBytes,
  writeExtended,
  writeStandard,
} from './transaction-encoding.ts'
import { isZeroTxid, requireTxid } from './txid.ts'
import { requireUint32, requireUint64, UINT32_MAX } from './unsigned.ts'

/** What is known of a transaction's standard encoding, so that nothing encodes or hashes it again. */
interface KnownEncoding {
  readonly standardBytes?: Uint8Array | undefined
  readonly txid?: Uint8Array | undefined
}

class AssembledTransaction implements Transaction {
  readonly version: number
  readonly locktime: number
  readonly inputs: readonly TransactionInput[]
  readonly outputs: readonly TransactionOutput[]
  readonly isCoinbase: boolean
  readonly isExtended: boolean
  readonly sizeBytes: number
  readonly extendedSizeBytes: number
  readonly #standardBytes: Uint8Array | undefined
  #txid: Uint8Array | undefined

  constructor({ version, locktime, inputs, outputs }: TransactionParts, known: KnownEncoding) {
    this.version = version
    this.locktime = locktime
    this.inputs = inputs
    this.outputs = outputs
    this.isCoinbase = spendsNullOutpoint(inputs)
    this.isExtended = inputs.length > 0 && inputs.every(carriesWhatItSpends)
    this.sizeBytes = known.standardBytes?.length ?? standardSizeBytes(inputs, outputs)
    this.extendedSizeBytes = this.sizeBytes + extensionSizeBytes(inputs)
    this.#standardBytes = known.standardBytes
    this.#txid = known.txid
  }

  get txid(): Uint8Array {
    this.#txid ??= doubleSha256(
      this.#standardBytes ?? writeStandard(hashInput(this.sizeBytes), this).filled(),
    )
    return this.#txid
  }

  encode(): Uint8Array {
    return this.#standardBytes?.slice() ?? writeStandard(new ByteWriter(this.sizeBytes), this).finish()
  }

  /** What its inputs spend is no part of a txid, so all that is known of the encoding stays true. */
  withInputs(inputs: readonly TransactionInput[]): AssembledTransaction {
    const { version, locktime, outputs } = this
    const known = { standardBytes: this.#standardBytes, txid: this.#txid }
    return new AssembledTransaction({ version, locktime, inputs, outputs }, known)
  }
}

/** Makes a transaction of parts that a parser has read, and that are in range therefore. */
export function assembleTransaction(parts: TransactionParts, known: KnownEncoding = {}): Transaction {
  return new AssembledTransaction(parts, known)
}

/**
 * Makes a transaction of its parts, for callers that do not have its bytes. Scripts and txids are copied: the caller
 * may use its memory again.
 *
 * @throws InvalidArgumentError naming the part that is out of range
 */
export function createTransaction({ version, locktime, inputs, outputs }: TransactionParts): Transaction {
  // Of anything else `Array.from` would make an empty list.
  if (!Array.isArray(inputs)) throw new InvalidArgumentError('inputs', 'an array', inputs)
  if (!Array.isArray(outputs)) throw new InvalidArgumentError('outputs', 'an array', outputs)
  return new AssembledTransaction(
    {
      version: requireUint32(version, 'version'),
      locktime: requireUint32(locktime, 'locktime'),
      inputs: Array.from(inputs, (input, vin) => copyOfInput(input, `inputs[${vin}]`)),
      outputs: Array.from(outputs, (output, vout) => copyOfOutput(output, `outputs[${vout}]`)),
    },
    {},
  )
}

/**
 * The same transaction with its inputs carrying what they spend.
 *
 * @param previousOutputs one output for each input, in the order of the inputs
 * @throws InvalidArgumentError when their number differs, or one is out of range
 */
export function extendTransaction(
  tx: Transaction,
  previousOutputs: readonly TransactionOutput[],
): Transaction {
  if (previousOutputs.length !== tx.inputs.length) {
    throw new InvalidArgumentError(
      'previousOutputs',
      `${tx.inputs.length} outputs, one for each input`,
      previousOutputs,
    )
  }
  const outputs = Array.from(previousOutputs, (output, vin) =>
    requireOutput(output, `previousOutputs[${vin}]`),
  )
  const inputs = tx.inputs.map((input, vin) => ({
    ...input,
    previousSatoshis: outputs[vin]?.satoshis,
    previousLockingScript: outputs[vin]?.lockingScript,
  }))
  return assembled(tx).withInputs(inputs)
}

/**
 * The standard encoding, whose double SHA-256 is the txid: fresh bytes, no view.
 *
 * @throws InvalidArgumentError naming the part that is out of range
 */
export function encodeTransaction(tx: TransactionParts): Uint8Array {
  return assembled(tx).encode()
}

/**
 * The extended encoding (BIP-239), in which each input carries what it spends: fresh bytes, no view.
 *
 * @throws StoreError `PROCESSING` when an input does not carry it; a coinbase spends nothing, and need not
 * @throws InvalidArgumentError naming the part that is out of range
 */
export function encodeExtendedTransaction(tx: TransactionParts): Uint8Array {
  const whole = assembled(tx)
  const missing = whole.isCoinbase ? -1 : whole.inputs.findIndex(input => !carriesWhatItSpends(input))
  if (missing >= 0) {
    throw new StoreError(
      'PROCESSING',
      `input ${missing} does not carry the value and the locking script of the output it spends`,
    )
  }
  return writeExtended(whole, whole.extendedSizeBytes)
}

/** Whether a transaction was made here, so that its txid is the one that it hashes to. */
export function isAssembled(tx: TransactionParts): boolean {
  return tx instanceof AssembledTransaction
}

function assembled(tx: TransactionParts): AssembledTransaction {
  const whole = tx instanceof AssembledTransaction ? tx : createTransaction(tx)
  return whole as AssembledTransaction
}

function carriesWhatItSpends(input: TransactionInput): boolean {
  return input.previousLockingScript !== undefined && input.previousSatoshis !== undefined
}

/** Nodes take a transaction for a coinbase by its outpoint: 32 zero bytes and index 2^32 − 1. */
function spendsNullOutpoint(inputs: readonly TransactionInput[]): boolean {
  const input = inputs[0]
  return (
    inputs.length === 1 &&
    input !== undefined &&
    input.previousVout === UINT32_MAX &&
    isZeroTxid(input.previousTxid)
  )
}

/** Refuses anything but an input, and returns one in memory of its own. */
function copyOfInput(input: TransactionInput, field: string): TransactionInput {
  const { previousSatoshis, previousLockingScript } = input ?? {}
  return {
    previousTxid: new Uint8Array(requireTxid(input?.previousTxid, `${field}.previousTxid`)),
    previousVout: requireUint32(input.previousVout, `${field}.previousVout`),
    unlockingScript: copyOfScript(input.unlockingScript, `${field}.unlockingScript`),
    sequence: requireUint32(input.sequence, `${field}.sequence`),
    previousSatoshis:
      previousSatoshis === undefined
        ? undefined
        : requireUint64(previousSatoshis, `${field}.previousSatoshis`),
    previousLockingScript:
      previousLockingScript === undefined
        ? undefined
        : copyOfScript(previousLockingScript, `${field}.previousLockingScript`),
  }
}

/** Refuses anything but an output, and returns one in memory of its own. */
export function copyOfOutput(output: TransactionOutput, field: string): TransactionOutput {
  const { satoshis, lockingScript } = requireOutput(output, field)
  return { satoshis, lockingScript: new Uint8Array(lockingScript) }
}

function copyOfScript(script: Uint8Array, field: string): Uint8Array {
  return new Uint8Array(requireScript(script, field))
}

/** Refuses anything but an output, and returns one with nothing else in it. */
export function requireOutput(output: TransactionOutput, field: string): TransactionOutput {
  return {
    satoshis: requireUint64(output?.satoshis, `${field}.satoshis`),
    lockingScript: requireScript(output.lockingScript, `${field}.lockingScript`),
  }
}

function requireScript(script: Uint8Array, field: string): Uint8Array {
  if (!(script instanceof Uint8Array)) throw new InvalidArgumentError(field, 'a byte array', script)
  return script
}
