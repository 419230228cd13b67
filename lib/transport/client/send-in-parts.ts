import { messageOf } from '../../errors/index.ts'
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
  /** For all of them. */
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

/**
 * Sends one request after the other, for a batch that is too large for one. Each row is answered: those of a request
 * that failed with its error, and those for which no time was left, or that were given up before their turn, as not
 * sent.
 *
 * @param ends the place behind the last row of each request
 * @param send sends the rows from one place to before another, in so many milliseconds at the most
 * @throws BatchError where all failed in one way; in doubt where rows of any of them are. Where they failed in several
 *   ways each row has its own: one may be sent again that another must not be.
 */
export async function sendInParts(
  rows: readonly BatchRow[],
  ends: readonly number[],
  { timeoutMs, signal }: PartsOptions,
  send: (from: number, end: number, leftMs: number) => Promise<ClientAnswer[]>,
): Promise<ClientAnswer[]> {
  const endsAtMs = performance.now() + timeoutMs
  const answers: ClientAnswer[][] = []
  const failures: BatchError[] = []
  let from = 0
  for (const end of ends) {
    const part = rows.slice(from, end)
    const leftMs = from === 0 ? timeoutMs : Math.floor(endsAtMs - performance.now())
    try {
      if (leftMs < 1 || signal?.aborted)
        throw new BatchError('its turn did not come', RESULT_CODES.TIMEOUT, false)
      answers.push(aligned(part, await send(from, end, leftMs)))
    } catch (error) {
      const failure = asBatchError(error)
      failures.push(failure)
      answers.push(failed(part, failure))
    }
    from = end
  }
  const [first] = failures
  if (failures.length === ends.length && failures.every(({ status }) => status === first?.status))
    throw failures.find(({ inDoubt }) => inDoubt) ?? first
  return answers.flat()
}

function asBatchError(error: unknown): BatchError {
  return error instanceof BatchError
    ? error
    : new BatchError(messageOf(error), CLIENT_STATUS.CLIENT_ERROR, true)
}

function failed(part: readonly BatchRow[], { status, inDoubt }: BatchError): ClientAnswer[] {
  return part.map(row => ({ status, inDoubt: inDoubt && row.kind !== 'read' }))
}

/** One answer for each row, whatever the client has left out: those of the next request must not move up. */
function aligned(part: readonly BatchRow[], own: readonly ClientAnswer[]): ClientAnswer[] {
  return part.map((row, at) => own[at] ?? { status: CLIENT_STATUS.NO_RESPONSE, inDoubt: row.kind !== 'read' })
}
