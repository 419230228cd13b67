import { RESULT_CODES } from '../../protocol/index.ts'
import { CLIENT_STATUS } from '../result-status.ts'

interface Kind {
  /** What the rows of the request answer. */
  readonly status: number
  /** The request may have reached the server. */
  readonly wasSent: boolean
  /** Another attempt may do better; whether one may be made depends on the rows. */
  readonly isRetryable: boolean
}

/** In which ways a request to one node can fail, as the npm client tells them apart (protocol 3.5). */
const KINDS = {
  noNode: { status: CLIENT_STATUS.INVALID_NODE, wasSent: false, isRetryable: true },
  notConnected: { status: CLIENT_STATUS.CONNECTION_ERROR, wasSent: false, isRetryable: true },
  noConnectionFree: { status: CLIENT_STATUS.NO_MORE_CONNECTIONS, wasSent: false, isRetryable: false },
  noTimeLeft: { status: RESULT_CODES.TIMEOUT, wasSent: false, isRetryable: false },
  connectionLost: { status: CLIENT_STATUS.CONNECTION_ERROR, wasSent: true, isRetryable: true },
  timedOut: { status: RESULT_CODES.TIMEOUT, wasSent: true, isRetryable: true },
  /** The answer cannot be read; to ask again would be to trust the same peer. */
  badAnswer: { status: CLIENT_STATUS.CLIENT_ERROR, wasSent: true, isRetryable: false },
} as const satisfies Record<string, Kind>

export type SendFailureKind = keyof typeof KINDS

/** A request to a node that has no answer. Stays inside the transport: callers see a status for each row. */
export class SendFailure extends Error {
  override readonly name = 'SendFailure'
  readonly status: number
  readonly wasSent: boolean
  readonly isRetryable: boolean

  constructor(kind: SendFailureKind, message: string) {
    super(message)
    const { status, wasSent, isRetryable } = KINDS[kind]
    this.status = status
    this.wasSent = wasSent
    this.isRetryable = isRetryable
  }
}
