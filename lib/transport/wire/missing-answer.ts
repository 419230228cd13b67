import { RESULT_CODES } from '../../protocol/index.ts'
import { CLIENT_STATUS } from '../result-status.ts'
import { SendFailure } from './send-failure.ts'

/** Why a row has no answer. */
export interface MissingAnswer {
  /** What it answers instead. */
  readonly status: number
  readonly message: string
  readonly wasSent: boolean
  /** Another attempt may do better; whether one may be made depends on the row. */
  readonly isRetryable: boolean
}

export const NO_TIME_LEFT = new SendFailure(
  'noTimeLeft',
  'the time of the batch was over before this part was sent',
)

export const NO_NODE = new SendFailure('noNode', 'no node of the cluster is known to have the record')

export const UNAVAILABLE: MissingAnswer = {
  status: RESULT_CODES.UNAVAILABLE,
  message: 'the partition is not available',
  wasSent: false,
  isRetryable: true,
}

/** A node that ended its answer without these rows: it refused the request as a whole, or lost them. */
export function unanswered(finalCode: number): MissingAnswer {
  if (finalCode === RESULT_CODES.OK) {
    const message = 'the server left rows without an answer'
    return { status: CLIENT_STATUS.NO_RESPONSE, message, wasSent: true, isRetryable: false }
  }
  return {
    status: finalCode,
    message: 'the server refused the request',
    wasSent: finalCode === RESULT_CODES.TIMEOUT,
    isRetryable: finalCode === RESULT_CODES.UNAVAILABLE,
  }
}
