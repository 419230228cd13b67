import { RESULT_CODES } from '../protocol/index.ts'

/** Codes that the client sets itself: no server answered with them. */
const CLIENT_STATUS = {
  CLIENT_ERROR: -1,
  CLIENT_PARAMETER: -2,
  ABORTED: -5,
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
