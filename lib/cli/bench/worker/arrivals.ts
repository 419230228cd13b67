import type { LatencyMs } from '../report.ts'
import { latencyOf } from '../statistics.ts'
import type { Work } from '../subject.ts'

/** Node's timers are no finer, and a turn of the event loop without a pause would take a core from the server. */
const TICK_MS = 1

/**
 * Calls arrive evenly at a rate, however long those before them take: a slow answer does not hold back the next
 * call, as it would in a closed loop, so that what a queue costs is seen. Latencies count from the moment at which a
 * call was due. Nothing is held for a call that was answered. Undefined when the signal ended it.
 */
export async function measureArrivals(
  work: Work,
  callsPerSecond: number,
  signal: AbortSignal,
): Promise<LatencyMs | undefined> {
  const latenciesMs = new Float64Array(work.calls)
  await new Promise<void>((resolve, reject) => {
    const startedAtMs = performance.now()
    const dueAtMs = (index: number): number => startedAtMs + (index / callsPerSecond) * 1_000
    let sent = 0
    let answered = 0
    let failure: { error: unknown } | undefined
    const end = (): void => {
      clearInterval(timer)
      if (failure === undefined) resolve()
      else reject(failure.error)
    }
    const isOver = (): boolean => sent === work.calls || signal.aborted || failure !== undefined
    const send = async (index: number): Promise<void> => {
      try {
        const answer = await work.call(index)
        latenciesMs[index] = performance.now() - dueAtMs(index)
        work.check(index, answer)
      } catch (error) {
        failure ??= { error }
      }
      answered += 1
      if (isOver() && answered === sent) end()
    }
    const sendThoseDue = (): void => {
      const now = performance.now()
      while (!isOver() && dueAtMs(sent) <= now) void send(sent++)
      if (isOver() && answered === sent) end()
    }
    const timer = setInterval(sendThoseDue, TICK_MS)
  })
  await work.finish?.()
  return signal.aborted ? undefined : latencyOf(latenciesMs)
}
