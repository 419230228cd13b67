import { cpus } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { collectGarbage } from './garbage.ts'
import type { LatencyMs } from './report.ts'
import type { ServerProcess } from './server-process.ts'
import { latencyOf } from './statistics.ts'
import type { Work } from './subject.ts'

export interface Measurement {
  readonly seconds: number
  readonly latencyMs: LatencyMs
  readonly clientCpuMicroseconds: number
  readonly serverCpuMicroseconds: number | null
  readonly eventLoopBusy: number
  /** Processor time of the whole machine, everything that runs on it. */
  readonly machineCpuMicroseconds: number
}

/**
 * Makes all calls of a work, so many in progress as it says, and checks their answers afterwards. The first call
 * that fails, or the signal, ends it. Undefined when the signal did.
 */
export async function measure(
  work: Work,
  server: ServerProcess | undefined,
  signal: AbortSignal,
): Promise<Measurement | undefined> {
  collectGarbage()
  const latenciesMs = new Float64Array(work.calls)
  const answers: unknown[] = new Array(work.calls)
  let next = 0
  let failed = false
  const lane = async (): Promise<void> => {
    while (next < work.calls && !failed && !signal.aborted) {
      const index = next++
      const sentAtMs = performance.now()
      try {
        answers[index] = await work.call(index)
      } catch (error) {
        failed = true
        throw error
      }
      latenciesMs[index] = performance.now() - sentAtMs
    }
  }
  const stop = startClocks(server)
  await Promise.all(Array.from({ length: Math.min(work.concurrency, work.calls) }, lane))
  await work.finish?.()
  const clocks = stop()
  if (signal.aborted) return undefined
  answers.forEach((answer, index) => {
    work.check(index, answer)
  })
  return { ...clocks, latencyMs: latencyOf(latenciesMs) }
}

/** Node's timers are no finer, and a turn of the event loop without a pause would take a core from the server. */
const TICK_MS = 1

/**
 * Calls arrive evenly at a rate, however long those before them take: a slow answer does not hold back the next
 * call, as it would in a closed loop, so that what a queue costs is seen. Latencies count from the moment at which a
 * call was due. Undefined when the signal ended it.
 */
export async function measureArrivals(
  work: Work,
  callsPerSecond: number,
  signal: AbortSignal,
): Promise<LatencyMs | undefined> {
  collectGarbage()
  const latenciesMs = new Float64Array(work.calls)
  const pending: Promise<void>[] = []
  const startedAtMs = performance.now()
  const dueAtMs = (index: number): number => startedAtMs + (index / callsPerSecond) * 1_000
  const send = async (index: number): Promise<void> => {
    const answer = await work.call(index)
    latenciesMs[index] = performance.now() - dueAtMs(index)
    work.check(index, answer)
  }
  let failure: { error: unknown } | undefined
  for (let next = 0; next < work.calls; ) {
    if (signal.aborted || failure !== undefined) break
    const now = performance.now()
    while (next < work.calls && dueAtMs(next) <= now) {
      pending.push(
        send(next++).catch((error: unknown) => {
          failure ??= { error }
        }),
      )
    }
    await delay(TICK_MS)
  }
  await Promise.all(pending)
  await work.finish?.()
  if (failure !== undefined) throw failure.error
  return signal.aborted ? undefined : latencyOf(latenciesMs)
}

function startClocks(server: ServerProcess | undefined): () => Omit<Measurement, 'latencyMs'> {
  const serverBefore = server?.cpuMicroseconds() ?? null
  const machineBefore = machineMicroseconds()
  const cpuBefore = process.cpuUsage()
  const loopBefore = performance.eventLoopUtilization()
  const startedAtMs = performance.now()
  return () => {
    const seconds = (performance.now() - startedAtMs) / 1_000
    const loop = performance.eventLoopUtilization(loopBefore)
    const cpu = process.cpuUsage(cpuBefore)
    const serverAfter = server?.cpuMicroseconds() ?? null
    return {
      seconds,
      clientCpuMicroseconds: cpu.user + cpu.system,
      serverCpuMicroseconds:
        serverBefore === null || serverAfter === null ? null : serverAfter - serverBefore,
      eventLoopBusy: loop.utilization,
      machineCpuMicroseconds: machineMicroseconds() - machineBefore,
    }
  }
}

function machineMicroseconds(): number {
  return cpus().reduce((sum, { times }) => sum + (times.user + times.nice + times.sys + times.irq) * 1_000, 0)
}
