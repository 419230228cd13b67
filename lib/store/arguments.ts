import {
  createTransaction,
  isAssembled,
  parseTransaction,
  type Transaction,
  toTxid,
} from '../bitcoin/index.ts'
import { InvalidArgumentError, wholeNumber } from '../errors/index.ts'

const UINT32_MAX = 2 ** 32 - 1

/** A txid as callers give it: 32 bytes in internal order, or the 64 characters of display hex. */
export type TxidInput = Uint8Array | string

/**
 * A transaction as callers give it: raw bytes (standard or extended format), which are copied, or parsed. What a
 * parsed one consists of must not be changed before its call has ended: it is encoded when it is sent, and what was sent
 * goes on when its caller has been released.
 */
export type TransactionSource = Uint8Array | Transaction

/**
 * A parsed transaction is taken as it is; one that was put together otherwise is copied and gets the txid that it
 * hashes to. Bytes are copied: what a call has sent goes on when its caller was released, who may use the buffer again.
 */
export function checkTransaction(tx: TransactionSource): Transaction {
  if (tx instanceof Uint8Array) return parseTransaction(new Uint8Array(tx))
  if (typeof tx !== 'object' || tx === null || !Array.isArray(tx.inputs) || !Array.isArray(tx.outputs)) {
    throw new InvalidArgumentError('tx', 'the bytes of a transaction or a parsed transaction', tx)
  }
  return isAssembled(tx) ? tx : createTransaction(tx)
}

/** As `checkTransaction`, in memory of its own: for steps that are still to come when the caller has been released. */
export function ownTransaction(tx: TransactionSource): Transaction {
  const transaction = checkTransaction(tx)
  return transaction === tx ? createTransaction(transaction) : transaction
}

export function checkTxids(txids: readonly TxidInput[]): Uint8Array[] {
  if (!Array.isArray(txids)) throw new InvalidArgumentError('txids', 'an array', txids)
  return Array.from(txids, (txid, index) => toTxid(txid, `txids[${index}]`))
}

export function checkHeight(field: string, height: number, { minimum = 0 }: { minimum?: number } = {}): void {
  if (!Number.isSafeInteger(height) || height < minimum || height > UINT32_MAX) {
    throw new InvalidArgumentError(field, `a block height from ${minimum} to ${UINT32_MAX}`, height)
  }
}

export function checkUint32(field: string, value: number): void {
  wholeNumber(field, value, 0, UINT32_MAX)
}

export function checkBoolean(field: string, value: unknown): asserts value is boolean {
  if (typeof value !== 'boolean') throw new InvalidArgumentError(field, 'true or false', value)
}
