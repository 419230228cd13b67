import { StoreError } from '../../errors/index.ts'
import {
  BatchError,
  CLIENT_STATUS,
  isInfrastructureFailure,
  isOverload,
  RESULT_CODES,
  type RowAnswer,
} from '../../transport/index.ts'
import type { ProbeOutcome } from '../context/circuit-breaker.ts'
import { DoubtfulError, RowError } from '../store-errors.ts'

/** What a row's answer tells the circuit breaker (semantics 6.3): an answer about the data is no trouble. */
export function rowOutcome(answer: RowAnswer | undefined): ProbeOutcome {
  if (answer === undefined || isInfrastructureFailure(answer.status)) return 'failed'
  return isOverload(answer.status) ? 'unknown' : 'answered'
}

/** What the failure of a whole call tells the circuit breaker; it counts as one. */
export function callOutcome(error: StoreError): ProbeOutcome {
  if (error instanceof BatchError) return isInfrastructureFailure(error.status) ? 'failed' : 'unknown'
  return error.code === 'CONTEXT_CANCELED' || error.code === 'INVALID_ARGUMENT' ? 'unknown' : 'failed'
}

const LOAD: ReadonlySet<number> = new Set([
  RESULT_CODES.TIMEOUT,
  RESULT_CODES.BATCH_QUEUES_FULL,
  CLIENT_STATUS.NO_MORE_CONNECTIONS,
  CLIENT_STATUS.QUEUE_FULL,
  CLIENT_STATUS.MAX_RETRIES_EXCEEDED,
])

/** Whether an item failed for load: then fewer batches should be in flight. */
export function isLoadSignal(reason: unknown): boolean {
  if (reason instanceof DoubtfulError) return isLoadSignal(reason.cause)
  if (reason instanceof RowError || reason instanceof BatchError)
    return isOverload(reason.status) || LOAD.has(reason.status)
  return reason instanceof StoreError && reason.code === 'SERVICE_UNAVAILABLE'
}
