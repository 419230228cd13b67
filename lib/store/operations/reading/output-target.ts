import { type Outpoint, toTxid, txidKey } from '../../../bitcoin/index.ts'
import { checkObject, InvalidArgumentError } from '../../../errors/index.ts'
import { pageKey, recordNumber } from '../../../record/index.ts'
import { checkUint32, type TxidInput } from '../../arguments.ts'
import type { StoreContext } from '../../context/store-context.ts'

/** An output to act on. An entry of what `spend` returned fits as it is. */
export interface OutputInput {
  readonly txid: TxidInput
  readonly vout: number
  /**
   * 32 bytes. Given, it proves that the output is the one that is meant: another hash is refused with
   * `UTXO_HASH_MISMATCH`. Absent, the stored one is taken.
   */
  readonly utxoHash?: Uint8Array | undefined
}

export interface OutputTarget extends Outpoint {
  readonly utxoHash: Uint8Array | undefined
}

export function checkOutput(field: string, output: OutputInput): OutputTarget {
  checkObject(field, output)
  const { vout, utxoHash } = output
  checkUint32(`${field}.vout`, vout)
  if (utxoHash !== undefined && !isHash(utxoHash))
    throw new InvalidArgumentError(`${field}.utxoHash`, '32 bytes', utxoHash)
  return {
    txid: toTxid(output.txid, `${field}.txid`),
    vout,
    utxoHash: utxoHash === undefined ? undefined : new Uint8Array(utxoHash),
  }
}

export function checkOutputs(outputs: readonly OutputInput[]): OutputTarget[] {
  if (!Array.isArray(outputs)) throw new InvalidArgumentError('outputs', 'an array', outputs)
  return Array.from(outputs, (output, index) => checkOutput(`outputs[${index}]`, output))
}

export function isHash(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === 32
}

/** The user key of the record that holds an output. */
export function recordKeyOf({ settings }: StoreContext, { txid, vout }: Outpoint): Uint8Array {
  return pageKey(txid, recordNumber(vout, settings.utxoBatchSize))
}

/** Names the record that holds an output, for putting outputs of one record together. */
export function recordIdOf({ settings }: StoreContext, { txid, vout }: Outpoint): string {
  return `${txidKey(txid)}${recordNumber(vout, settings.utxoBatchSize)}`
}
