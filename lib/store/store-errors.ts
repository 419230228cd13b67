import { txidToHex } from '../bitcoin/index.ts'
import { type ErrorCode, messageOf, StoreError, type StoreErrorOptions } from '../errors/index.ts'
import type { SpendingData } from '../record/index.ts'
import { type RowAnswer, statusText } from '../transport/index.ts'

/** An output is spent by another transaction already. First seen wins: `spendingData` names the winner. */
export class UtxoSpentError extends StoreError {
  override readonly name = 'UtxoSpentError'
  /** Txid (32 bytes, internal order) of the transaction that holds the output. */
  readonly txid: Uint8Array
  readonly vout: number
  readonly utxoHash: Uint8Array
  /** The winner: its txid (32 bytes, internal order) and the index of its input. */
  readonly spendingData: SpendingData

  constructor(
    message: string,
    spent: { txid: Uint8Array; vout: number; utxoHash: Uint8Array; spendingData: SpendingData },
  ) {
    super('UTXO_SPENT', message)
    this.txid = spent.txid
    this.vout = spent.vout
    this.utxoHash = spent.utxoHash
    this.spendingData = spent.spendingData
  }

  /** Txid of the winner, as `spendingData` holds it. */
  get conflictingTxid(): Uint8Array {
    return this.spendingData.txid
  }
}

/** A record is gone as a whole, as opposed to an output that a record does not have. */
export class RecordNotFoundError extends StoreError {
  override readonly name = 'RecordNotFoundError'

  constructor(txid: Uint8Array) {
    super('TX_NOT_FOUND', `transaction ${txidToHex(txid)} is not in the store`)
  }
}

/** The most errors that an aggregate keeps: a transaction of 50,000 failing inputs must not build a chain of them. */
export const CAUSES_MAX = 10

/** Several items of one call failed; `cause` is an `AggregateError` of the first ten. */
export function aggregateError(
  code: ErrorCode,
  message: string,
  errors: readonly StoreError[],
  total = errors.length,
): StoreError {
  return new StoreError(code, message, { cause: aggregateCause(errors, total) })
}

/**
 * Throws what failed of the entries of a list: a single failure as it is, several as an aggregate under their
 * common code, in doubt where one of them is. Does nothing where nothing failed.
 */
export function throwFailures(failures: readonly StoreError[], total: number, what: string): void {
  const [first] = failures
  if (first === undefined) return
  if (failures.length === 1) throw first
  const code = failures.every(failure => failure.code === first.code) ? first.code : 'STORAGE_ERROR'
  const error = aggregateError(code, `${failures.length} of ${total} ${what}: ${first.message}`, failures)
  throw failures.some(isInDoubt) ? new DoubtfulError(error, error.cause) : error
}

/** @param total how many failed, where `errors` are not all */
export function aggregateCause(errors: readonly StoreError[], total = errors.length): AggregateError {
  const shown = errors.slice(0, CAUSES_MAX)
  const more = total - shown.length
  return new AggregateError(shown, `${total} failed${more > 0 ? `, the first ${shown.length} are kept` : ''}`)
}

/** A server refused a row, and no rule of the operation says otherwise (semantics 3.4, 3.5). */
export class RowError extends StoreError {
  override readonly name = 'RowError'
  /** Aerospike result code; negative codes are the client's own. */
  readonly status: number
  /** It may have been applied all the same. */
  readonly inDoubt: boolean

  constructor(what: string, status: number, inDoubt: boolean) {
    const doubt = inDoubt ? `; ${MAY_BE_APPLIED}` : ''
    super('STORAGE_ERROR', `${what}: Aerospike answered ${statusText(status)}${doubt}`)
    this.status = status
    this.inDoubt = inDoubt
  }
}

export function rowError(what: string, status: number, inDoubt: boolean): StoreError {
  return new RowError(what, status, inDoubt)
}

export function missingAnswerError(what: string): StoreError {
  return new MissingAnswerError(what)
}

/** A row has no answer, so that nobody knows what became of it. */
class MissingAnswerError extends StoreError {
  override readonly name = 'MissingAnswerError'
  readonly inDoubt = true

  constructor(what: string) {
    super('STORAGE_ERROR', `${what}: the transport gave no answer for this row; it may have been applied`)
  }
}

const MAY_BE_APPLIED = 'it may have been applied all the same'

/** What was to settle a doubt failed, itself without a trace: the write before it may have been applied. */
export class DoubtfulError extends StoreError {
  override readonly name = 'DoubtfulError'
  readonly inDoubt = true

  constructor(failure: StoreError, cause: unknown = failure) {
    const { code, message } = failure
    super(code, message.endsWith(MAY_BE_APPLIED) ? message : `${message}; ${MAY_BE_APPLIED}`, { cause })
  }
}

/** The failure of what followed a write in doubt, as the failure of that write. */
export function doubtfulError(failure: StoreError): StoreError {
  return isInDoubt(failure) ? failure : new DoubtfulError(failure)
}

/** Whether a write that ended so may have been applied all the same. */
export function isInDoubt(end: StoreError | RowAnswer | undefined): boolean {
  return end !== undefined && 'inDoubt' in end && end.inDoubt === true
}

/** Whatever was thrown, as an error of this library. A programming error never looks like a verdict on data. */
export function asStoreError(
  error: unknown,
  what: string,
  options: { code?: ErrorCode } & StoreErrorOptions = {},
): StoreError {
  if (error instanceof StoreError) return error
  return new StoreError(options.code ?? 'UNKNOWN', `${what}: ${messageOf(error)}`, { cause: error })
}
