import { cpus } from 'node:os'
import type { Measurement } from '../messages.ts'
import type { ServerProcess } from '../server-process.ts'
import { latencyOf } from '../statistics.ts'
import type { Work } from '../subject.ts'
import { makeCalls } from './calls.ts'

/** Makes all calls of a work, and tells what they took. Undefined when the signal ended them. */
export async function measure(
  work: Work,
  server: ServerProcess | undefined,
  signal: AbortSignal,
): Promise<Measurement | undefined> {
  const latenciesMs = new Float64Array(work.calls)
  const stop = startClocks(server)
  await makeCalls(work, signal, latenciesMs)
  const clocks = stop()
  return signal.aborted ? undefined : { ...clocks, latencyMs: latencyOf(latenciesMs) }
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
