import { txidToHex } from '../../../bitcoin/index.ts'
import { type ErrorCode, StoreError } from '../../../errors/index.ts'
import { parseSpendingDataText } from '../../../record/index.ts'
import { asStoreError, RecordNotFoundError, UtxoSpentError } from '../../store-errors.ts'
import type { UdfItemError } from '../../udf/udf-response.ts'
import type { SpendRequest } from './record-groups.ts'

/** Verdicts on a whole record (semantics 3.5, record error map); any other one is `STORAGE_ERROR`. */
const RECORD_VERDICTS: Readonly<Record<string, ErrorCode>> = {
  FROZEN: 'UTXO_FROZEN',
  CONFLICTING: 'TX_CONFLICTING',
  LOCKED: 'TX_LOCKED',
  CREATING: 'TX_CREATING',
  COINBASE_IMMATURE: 'TX_COINBASE_IMMATURE',
}

/** Verdicts on one output (semantics 3.5, item error map), apart from SPENT, which carries the winner. */
const ITEM_VERDICTS: Readonly<Record<string, ErrorCode>> = {
  INVALID_SPEND: 'UTXO_ERROR',
  FROZEN: 'UTXO_FROZEN',
  FROZEN_UNTIL: 'UTXO_FROZEN',
  CONSENSUS_FROZEN: 'UTXO_CONSENSUS_FROZEN',
  UTXO_NOT_FOUND: 'TX_NOT_FOUND',
  UTXO_HASH_MISMATCH: 'UTXO_HASH_MISMATCH',
  UTXO_INVALID_SIZE: 'UTXO_INVALID_SIZE',
}

export function recordError(
  txid: Uint8Array,
  errorCode: string | undefined,
  message: string | undefined,
): StoreError {
  if (errorCode === 'TX_NOT_FOUND') return new RecordNotFoundError(txid)
  const code = RECORD_VERDICTS[errorCode ?? ''] ?? 'STORAGE_ERROR'
  return new StoreError(
    code,
    `transaction ${txidToHex(txid)}: ${errorCode ?? 'an error without a code'}${tail(message)}`,
  )
}

export function itemError(request: SpendRequest, error: UdfItemError): StoreError {
  const outpoint = `output ${txidToHex(request.txid)}:${request.vout}`
  if (error.errorCode === 'SPENT') return spentError(outpoint, request, error)
  const code = ITEM_VERDICTS[error.errorCode] ?? 'STORAGE_ERROR'
  return new StoreError(code, `${outpoint}: ${error.errorCode}${tail(error.message)}`)
}

function spentError(
  outpoint: string,
  { txid, vout, utxoHash }: SpendRequest,
  error: UdfItemError,
): StoreError {
  try {
    const spendingData = parseSpendingDataText(error.spendingData ?? '')
    return new UtxoSpentError(`${outpoint} is spent by ${txidToHex(spendingData.txid)}`, {
      txid,
      vout,
      utxoHash,
      spendingData,
    })
  } catch (cause) {
    return asStoreError(new Error('the server named no winner', { cause }), `${outpoint} is spent`, {
      code: 'STORAGE_ERROR',
    })
  }
}

function tail(message: string | undefined): string {
  return message === undefined || message === '' ? '' : ` (${message})`
}
