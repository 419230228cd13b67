import { abandoned } from './abandoned.ts'
import type { ConnectionPermits } from './connection-permits.ts'
import type { BatchOptions } from './transport.ts'

/** How long a batch waits for a connection: a tenth of its time, and at least this (semantics 6.1). */
const WAIT_MS_MIN = 100

/** Sends a batch when there is a connection for it; without permits at once. One that was given up by then is not sent. */
export function admitted<Answer>(
  permits: ConnectionPermits | undefined,
  { timeout, signal }: BatchOptions,
  send: () => Promise<Answer>,
): Promise<Answer> {
  if (permits === undefined) return send()
  const waitMs = Math.max(WAIT_MS_MIN, timeout / 10)
  return permits.withPermit({ waitMs, signal }, async () => {
    // In the very moment in which the connection became free.
    if (signal?.aborted) throw abandoned(signal)
    return send()
  })
}
