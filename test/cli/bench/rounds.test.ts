import { expect, it } from '@jest/globals'
import type { Sample } from '../../../lib/cli/bench/messages.ts'
import { runRounds } from '../../../lib/cli/bench/rounds.ts'
import type { BenchServer } from '../../../lib/cli/bench/server.ts'
import type { Worker } from '../../../lib/cli/bench/workers.ts'

/** Measures nothing: its first round takes a second, each further one half of the one before. */
function worker(asked: string[]): Worker {
  let seconds = 2
  const measured = (): Sample => {
    seconds /= 2
    return {
      seconds,
      records: 100,
      rowsPerBatch: 10,
      lingerMs: 5,
      clientCpuMicroseconds: 100,
      serverCpuMicroseconds: null,
      eventLoopBusy: 0.5,
      machineCpuMicroseconds: 100,
      latencyMs: { p50: 1, p90: 1, p99: 1, max: 1 },
    }
  }
  const answers: Readonly<Record<string, () => unknown>> = {
    measure: measured,
    memory: () => ({ heapUsedBytes: 2 ** 20, rssBytes: 2 ** 20 }),
  }
  const request = async (name: string): Promise<unknown> => {
    asked.push(name)
    return answers[name]?.() ?? null
  }
  const subject = { id: 'store-wire', kind: 'store', title: 'store', transport: 'wire', lingerMs: 5 }
  return { subject, process: { request } } as unknown as Worker
}

const OPTIONS = {
  operations: ['create' as const],
  transactions: 100,
  batchSize: 10,
  machineCores: 2,
  signal: new AbortController().signal,
}

it('rounds that warm up are run and told, and count for nothing', async () => {
  const asked: string[] = []
  const told: number[] = []
  const { figures, memory, failure } = await runRounds({} as BenchServer, [worker(asked)], {
    ...OPTIONS,
    rounds: 2,
    warmUp: 3,
    advanced: round => told.push(round),
  })
  expect(failure).toBeNull()
  expect(told).toEqual([-2, -1, 0, 1, 2])
  // The fourth and the fifth: an eighth and a sixteenth of a second.
  expect(figures.map(({ recordsPerSecondByRound }) => recordsPerSecondByRound)).toEqual([[800, 1_600]])
  expect(asked.filter(name => name === 'clear')).toHaveLength(5)
  expect(memory[0]?.sizes).toHaveLength(2)
})

it('no garbage is collected between rounds that count: what the compiler knows would be lost with it', async () => {
  const asked: string[] = []
  await runRounds({} as BenchServer, [worker(asked)], {
    ...OPTIONS,
    rounds: 2,
    warmUp: 2,
    advanced: () => {},
  })
  const measured = asked.filter(name => name === 'measure' || name === 'memory')
  expect(measured).toEqual(['measure', 'memory', 'measure', 'measure', 'measure', 'memory'])
})
