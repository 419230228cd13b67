import { InvalidArgumentError } from '../../../errors/index.ts'
import {
  BatchError,
  CLIENT_STATUS,
  isInfrastructureFailure,
  isOverload,
  NothingSentError,
  RESULT_CODES,
} from '../../../transport/index.ts'
import { RowError } from '../../store-errors.ts'
import { RecordTooBigError } from './create-errors.ts'
import type { Creation } from './creation.ts'

/** The node that has the record refused this row, or there was no way to that node, and the row was not sent. */
const ROW_REFUSALS: ReadonlySet<number> = new Set([
  RESULT_CODES.OUT_OF_SPACE,
  RESULT_CODES.UNAVAILABLE,
  CLIENT_STATUS.NO_MORE_CONNECTIONS,
  CLIENT_STATUS.INVALID_NODE,
])

/** The error with which the write of a master failed, after the creation has taken note of what it proves. */
export function masterFailure<Failure>(creation: Creation, failure: Failure): Failure {
  if (isDefiniteRefusal(failure)) creation.mayExist = false
  return failure
}

/**
 * Whether a row that failed with this error has left no record, and never will. After any other error, a lost
 * answer, a batch whose end nobody knows, the row may still be on the way.
 */
function isDefiniteRefusal(error: unknown): boolean {
  if (
    error instanceof NothingSentError ||
    error instanceof InvalidArgumentError ||
    error instanceof RecordTooBigError
  )
    return true
  if (!(error instanceof RowError || error instanceof BatchError) || error.inDoubt) return false
  const { status } = error
  if (isOverload(status) || !isInfrastructureFailure(status)) return true
  return error instanceof RowError && ROW_REFUSALS.has(status)
}
