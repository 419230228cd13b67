import { RESULT_CODES } from '../protocol/index.ts'

/** Codes that the client sets itself: no server answered with them. */
export const CLIENT_STATUS = {
  CLIENT_ERROR: -1,
  CLIENT_PARAMETER: -2,
  ABORTED: -5,
  ASYNC_CONNECTION: -6,
  NO_MORE_CONNECTIONS: -7,
  INVALID_NODE: -8,
  CONNECTION_ERROR: -10,
  QUEUE_FULL: -11,
  MAX_RETRIES_EXCEEDED: -12,
  MAX_ERROR_RATE: -14,
  NO_RESPONSE: -15,
  BATCH_FAILED: -16,
} as const

const NAMES = new Map<number, string>(
  [...Object.entries(RESULT_CODES), ...Object.entries(CLIENT_STATUS)].map(([name, code]) => [code, name]),
)

/** `KEY_BUSY (14)`: a status as people search for it. */
export function statusText(status: number): string {
  return `${NAMES.get(status) ?? 'status'} (${status})`
}

/** Definite refusals for load: nothing was applied (semantics 6.2). */
const OVERLOAD: ReadonlySet<number> = new Set([RESULT_CODES.DEVICE_OVERLOAD, CLIENT_STATUS.MAX_ERROR_RATE])

export function isOverload(status: number): boolean {
  return OVERLOAD.has(status)
}

/** The server or the way to it failed, as opposed to an answer about the data (semantics 6.3). */
const INFRASTRUCTURE: ReadonlySet<number> = new Set([
  RESULT_CODES.UNKNOWN,
  RESULT_CODES.OUT_OF_SPACE,
  RESULT_CODES.TIMEOUT,
  RESULT_CODES.UNAVAILABLE,
  RESULT_CODES.BATCH_QUEUES_FULL,
  CLIENT_STATUS.CLIENT_ERROR,
  CLIENT_STATUS.ASYNC_CONNECTION,
  CLIENT_STATUS.NO_MORE_CONNECTIONS,
  CLIENT_STATUS.INVALID_NODE,
  CLIENT_STATUS.CONNECTION_ERROR,
  CLIENT_STATUS.QUEUE_FULL,
  CLIENT_STATUS.MAX_RETRIES_EXCEEDED,
  CLIENT_STATUS.MAX_ERROR_RATE,
  CLIENT_STATUS.NO_RESPONSE,
  CLIENT_STATUS.BATCH_FAILED,
])

export function isInfrastructureFailure(status: number): boolean {
  return INFRASTRUCTURE.has(status)
}
