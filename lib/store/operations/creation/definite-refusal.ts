import { RefusedError } from '../../../batching/index.ts'
import { InvalidArgumentError } from '../../../errors/index.ts'
import { BatchError, isInfrastructureFailure, isOverload } from '../../../transport/index.ts'
import { RowError } from '../../store-errors.ts'
import { RecordTooBigError } from './create-rows.ts'

/**
 * Whether a create that failed with this error has left no record, and never will. After any other error, a wait
 * that ended, a lost answer, a batch whose end nobody knows, its row may still be on the way.
 */
export function isDefiniteRefusal(error: unknown): boolean {
  if (
    error instanceof RefusedError ||
    error instanceof InvalidArgumentError ||
    error instanceof RecordTooBigError
  )
    return true
  if (!(error instanceof RowError || error instanceof BatchError)) return false
  return !error.inDoubt && (isOverload(error.status) || !isInfrastructureFailure(error.status))
}
