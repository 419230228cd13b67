import { RESULT_CODES } from '../../protocol/index.ts'
import { BatchError } from '../batch-error.ts'
import { CLIENT_STATUS } from '../result-status.ts'
import type { BatchRow } from '../transport.ts'

/** What the npm client says of a row. */
export interface ClientAnswer {
  status: number
  inDoubt?: boolean
  record?: { bins?: Record<string, unknown> | undefined; gen?: number }
}

interface PartsOptions {
  /** On the `performance.now()` clock. */
  readonly endsAtMs: number
  readonly signal: AbortSignal | undefined
}

/**
 * Sends one request after the other, for a batch that is too large for one. Each row is answered: those of a request that
 * failed with its error, and those for which no time was left, or that were given up before their turn, as not sent.
 *
 * @param ends the place behind the last row of each request
 * @param send sends the rows from one place to before another, in so many milliseconds at the most
 * @throws what the first request failed with, where none was answered
 */
export async function sendInParts(
  rows: readonly BatchRow[],
  ends: readonly number[],
  { endsAtMs, signal }: PartsOptions,
  send: (from: number, end: number, leftMs: number) => Promise<ClientAnswer[]>,
): Promise<ClientAnswer[]> {
  const answers: ClientAnswer[][] = []
  const failures: unknown[] = []
  let from = 0
  for (const end of ends) {
    const leftMs = Math.floor(endsAtMs - performance.now())
    const part = rows.slice(from, end)
    if (leftMs < 1 || signal?.aborted) answers.push(failed(part, RESULT_CODES.TIMEOUT, false))
    else {
      try {
        answers.push(aligned(part, await send(from, end, leftMs)))
      } catch (error) {
        failures.push(error)
        const { status, inDoubt } = error instanceof BatchError ? error : UNKNOWN_FAILURE
        answers.push(failed(part, status, inDoubt))
      }
    }
    from = end
  }
  if (failures.length === ends.length) throw failures[0]
  return answers.flat()
}

const UNKNOWN_FAILURE = { status: CLIENT_STATUS.CLIENT_ERROR, inDoubt: true } as const

function failed(part: readonly BatchRow[], status: number, inDoubt: boolean): ClientAnswer[] {
  return part.map(row => ({ status, inDoubt: inDoubt && row.kind !== 'read' }))
}

/** One answer for each row, whatever the client has left out: those of the next request must not move up. */
function aligned(part: readonly BatchRow[], own: readonly ClientAnswer[]): ClientAnswer[] {
  const missing = failed(part, CLIENT_STATUS.NO_RESPONSE, true)
  return missing.map((none, at) => own[at] ?? none)
}
