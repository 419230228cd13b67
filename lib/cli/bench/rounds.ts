import { messageOf } from '../../errors/index.ts'
import { figureOf, ratiosOf } from './figures.ts'
import type { Sample } from './messages.ts'
import type { Figure, MemorySize, OperationName, Ratio, SubjectMemory } from './report.ts'
import type { BenchServer } from './server.ts'
import type { Worker } from './workers.ts'

export interface RoundsOptions {
  readonly operations: readonly OperationName[]
  readonly transactions: number
  readonly rounds: number
  /**
   * Rounds before those that count, one at least: a long-running process has compiled its code, and is what is to be
   * measured.
   */
  readonly warmUp: number
  readonly batchSize: number
  readonly machineCores: number
  readonly signal: AbortSignal
  /** A subject has done an operation in a round that counts, from 1 on; or in one that does not, 0 and below. */
  advanced(round: number, operation: OperationName, worker: Worker): void
}

/** What was measured of each subject: by operation, one sample for each round, and its memory at some moments. */
interface Measured {
  readonly samples: Map<OperationName, Sample[]>
  readonly memory: MemorySize[]
}

export interface RoundsResult {
  readonly figures: readonly Figure[]
  readonly ratios: readonly Ratio[]
  readonly memory: readonly SubjectMemory[]
  readonly failure: string | null
}

const MIB = 2 ** 20
/** Rounds that count are numbered from 1 on. */
const LAST_WARM_UP = 0

/**
 * Has all subjects do each operation one after the other, round by round, so that a machine that slows down slows all
 * of them; while one measures, the others wait. Rounds that warm up do not count. Ends early, with the rounds it has,
 * when the signal fires or a call fails.
 */
export async function runRounds(
  server: BenchServer,
  workers: readonly Worker[],
  options: RoundsOptions,
): Promise<RoundsResult> {
  const measured = new Map<Worker, Measured>(
    workers.map(worker => [worker, { samples: new Map(), memory: [] }]),
  )
  let failure: string | null = null
  try {
    for (let round = 1 - options.warmUp; round <= options.rounds && !options.signal.aborted; round++) {
      if (round === LAST_WARM_UP) await sampleMemory(measured)
      await runRound(measured, options, round)
    }
    await sampleMemory(measured)
  } catch (error) {
    failure = messageOf(error)
  }
  const figures = options.operations.flatMap(operation =>
    [...measured].flatMap(([{ subject }, { samples }]) => {
      const rounds = samples.get(operation)
      return rounds === undefined ? [] : figureOf(server, subject, operation, rounds, options)
    }),
  )
  const memory = [...measured].map(([{ subject }, { memory: sizes }]) => ({ subject: subject.id, sizes }))
  return { figures, ratios: ratiosOf(figures), memory, failure }
}

async function runRound(
  measured: ReadonlyMap<Worker, Measured>,
  options: RoundsOptions,
  round: number,
): Promise<void> {
  const { transactions } = options
  const workers = [...measured.keys()]
  const clear = (): Promise<void> => atOnce(workers, ({ process }) => process.request('clear', null))
  await atOnce(workers, ({ process }) => process.request('begin', { transactions }))
  try {
    await measureRound(measured, options, round)
  } catch (error) {
    // Those that can still remove their records; why the others cannot, the error says.
    await clear().catch(() => {})
    throw error
  }
  await clear()
}

async function measureRound(
  measured: ReadonlyMap<Worker, Measured>,
  { operations, signal, advanced }: RoundsOptions,
  round: number,
): Promise<void> {
  for (const operation of stepsOf(operations)) {
    for (const [worker, { samples }] of measured) {
      if (signal.aborted) return
      const sample = await worker.process.request('measure', { operation })
      if (sample === null || !operations.includes(operation)) continue
      advanced(round, operation, worker)
      if (round > 0) samples.set(operation, [...(samples.get(operation) ?? []), sample])
    }
  }
}

/** Nothing is measured meanwhile. Waits for all, whichever fails, and throws the first failure. */
async function atOnce(workers: readonly Worker[], work: (worker: Worker) => Promise<unknown>): Promise<void> {
  const results = await Promise.allSettled(workers.map(work))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

/** Everything needs the parents, whether or not making them is to be measured. */
function stepsOf(operations: readonly OperationName[]): readonly OperationName[] {
  return operations.includes('create') ? operations : ['create', ...operations]
}

/**
 * Never between rounds that count: a full collection while no call is under way takes the classes of calls' objects for
 * dead, and with them the compiled code, so that the next rounds are up to twice as slow.
 */
async function sampleMemory(measured: ReadonlyMap<Worker, Measured>): Promise<void> {
  for (const [{ process }, { memory }] of measured) {
    const { heapUsedBytes, rssBytes } = await process.request('memory', null)
    memory.push({ heapMiB: heapUsedBytes / MIB, rssMiB: rssBytes / MIB })
  }
}
