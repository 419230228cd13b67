import { expect, it } from '@jest/globals'
import { figureOf } from '../../../lib/cli/bench/figures.ts'
import type { Sample } from '../../../lib/cli/bench/messages.ts'
import type { Figure, SubjectDescription } from '../../../lib/cli/bench/report.ts'
import type { BenchServer } from '../../../lib/cli/bench/server.ts'

const MACHINE_CORES = 2
const subject: SubjectDescription = { id: 'store-wire', kind: 'store', title: 'store', transport: 'wire' }

/** One round, of which the client took a tenth and the server a fifth of one core. */
function figure(seconds: number, machineCpuMicroseconds: number): Figure {
  const round: Sample = {
    seconds,
    records: 1,
    rowsPerBatch: 1,
    lingerMs: 0,
    clientCpuMicroseconds: seconds * 0.1e6,
    serverCpuMicroseconds: seconds * 0.2e6,
    eventLoopBusy: 0.1,
    machineCpuMicroseconds,
    latencyMs: { p50: 1, p90: 1, p99: 1, max: 1 },
  }
  const server = { coresMax: 1 } as BenchServer
  return figureOf(server, subject, 'create', [round], { batchSize: 1, machineCores: MACHINE_CORES })
}

it('tells how much other processes took, never more than the machine has', () => {
  const half = figure(1, 0.8e6)
  expect(half.otherCores).toBeCloseTo(0.5)
  expect(half.limit.text).toBe('disturbed: other processes took 50 % of one core, of 2 cores')
  // By as much do clocks of different ticks disagree.
  const all = figure(1, 2.1e6)
  expect(all.otherCores).toBeCloseTo(1.7)
  expect(all.limit.text).toBe('disturbed: other processes took 170 % of one core, of 2 cores')
})

it('says nothing of others after rounds that are shorter than the clock tells', () => {
  // One tick of the kernel's clock is thirteen times the round.
  const short = figure(0.000_76, 10_000)
  expect(short.otherCores).toBeNull()
  expect(short.limit.kind).toBe('waiting')
})
