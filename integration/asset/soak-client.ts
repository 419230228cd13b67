import { get, type IncomingMessage } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'

/** What became of one request. */
export interface Outcome {
  /** 0 where no answer began. */
  readonly status: number
  readonly bytes: number
  /** The answer came to its end, and was not cut off. */
  readonly isWhole: boolean
  readonly firstByteMs: number
}

/** Told the bytes so far, a client says how many milliseconds it takes to look again, or that it leaves. */
export type Manner = (bytes: number) => number | 'leave'

/** Sends a request of its own connection, and takes the answer in the client's manner. The signal ends it. */
export async function request(url: string, manner: Manner, signal: AbortSignal): Promise<Outcome> {
  const startedMs = performance.now()
  let [status, bytes, firstByteMs] = [0, 0, 0]
  const outcome = (isWhole: boolean): Outcome => ({ status, bytes, isWhole, firstByteMs })
  const sent = get(url, { agent: false })
  const hangUp = (): void => {
    sent.destroy()
  }
  signal.addEventListener('abort', hangUp, { once: true })
  try {
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      sent.once('response', resolve)
      sent.on('error', reject)
    })
    // Who leaves before the answer does not see it.
    answered.catch(() => {})
    if (!(await waited(manner(0), signal))) return outcome(false)
    const answer = await answered
    status = answer.statusCode ?? 0
    firstByteMs = performance.now() - startedMs
    for await (const piece of answer as AsyncIterable<Buffer>) {
      bytes += piece.length
      if (!(await waited(manner(bytes), signal))) return outcome(false)
    }
    return outcome(answer.complete)
  } catch {
    return outcome(false)
  } finally {
    signal.removeEventListener('abort', hangUp)
    sent.destroy()
  }
}

async function waited(next: number | 'leave', signal: AbortSignal): Promise<boolean> {
  if (next === 'leave' || signal.aborted) return false
  if (next > 0) await pause(next, undefined, { signal }).catch(() => {})
  return !signal.aborted
}
