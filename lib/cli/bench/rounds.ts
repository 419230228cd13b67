import { messageOf } from '../../errors/index.ts'
import { limitOf } from './limits.ts'
import { type Measurement, measure } from './measure.ts'
import { memoryNow } from './memory.ts'
import type { Figure, OperationName, Ratio, RoundMemory } from './report.ts'
import type { BenchServer } from './server.ts'
import { latencyOverRounds, median, spread } from './statistics.ts'
import type { Subject } from './subject.ts'
import type { Subjects } from './subjects.ts'
import { roundTransactions } from './transactions.ts'

export interface RoundsOptions {
  readonly operations: readonly OperationName[]
  readonly transactions: number
  readonly rounds: number
  readonly batchSize: number
  readonly machineCores: number
  readonly signal: AbortSignal
  /** A subject has done an operation. */
  advanced(round: number, operation: OperationName, subject: Subject): void
}

interface Sample extends Measurement {
  readonly records: number
  readonly rowsPerBatch: number | null
}

/** What was measured, by subject and operation, one sample for each round. */
type Samples = Map<Subject, Map<OperationName, Sample[]>>

export interface RoundsResult {
  readonly figures: readonly Figure[]
  readonly ratios: readonly Ratio[]
  readonly memory: readonly RoundMemory[]
  readonly failure: string | null
}

/**
 * Has all subjects do each operation one after the other, round by round, so that a machine that slows down slows all
 * of them. The first round warms up and does not count. Ends early, with the rounds it has, when the signal fires or
 * a call fails.
 */
export async function runRounds(
  server: BenchServer,
  subjects: Subjects,
  options: RoundsOptions,
): Promise<RoundsResult> {
  const samples: Samples = new Map()
  const memory: RoundMemory[] = []
  let failure: string | null = null
  try {
    for (let round = 0; round <= options.rounds && !options.signal.aborted; round++) {
      await runRound(server, subjects, options, round, samples)
      if (round > 0) memory.push(memoryNow())
    }
  } catch (error) {
    failure = messageOf(error)
  }
  const figures = [...samples].flatMap(([subject, operations]) =>
    [...operations].map(([operation, rounds]) => figureOf(server, subject, operation, rounds, options)),
  )
  const byOperation = options.operations.flatMap(name =>
    figures.filter(({ operation }) => operation === name),
  )
  return { figures: byOperation, ratios: ratiosOf(byOperation), memory, failure }
}

async function runRound(
  server: BenchServer,
  { pairs, yardsticks }: Subjects,
  options: RoundsOptions,
  round: number,
  samples: Samples,
): Promise<void> {
  const transactions = roundTransactions(options.transactions)
  const subjects: readonly Subject[] = [...pairs.flatMap(({ store, bare }) => [store, bare]), ...yardsticks]
  try {
    for (const operation of stepsOf(options.operations)) {
      for (const subject of subjects) {
        if (options.signal.aborted) return
        const pair = pairs.find(({ store }) => store === subject)
        const work = subject.work(operation, transactions)
        if (work === undefined) continue
        subject.takeBatchCounts?.()
        pair?.store.seam.record()
        const measurement = await measure(work, server.process, options.signal)
        const recorded = pair?.store.seam.takeRecorded() ?? []
        if (measurement === undefined) return
        // The batches of a block are only right in their order, which a replay does not keep.
        if (operation !== 'blockValidation') pair?.bare.learn(operation, recorded)
        if (!options.operations.includes(operation)) continue
        options.advanced(round, operation, subject)
        if (round > 0)
          keep(samples, subject, operation, { ...measurement, ...countsOf(subject), records: work.records })
      }
    }
  } finally {
    for (const subject of subjects) await subject.clear(transactions)
  }
}

/** Everything needs the parents, whether or not making them is to be measured. */
function stepsOf(operations: readonly OperationName[]): readonly OperationName[] {
  return operations.includes('create') ? operations : ['create', ...operations]
}

function countsOf(subject: Subject): { rowsPerBatch: number | null } {
  const counts = subject.takeBatchCounts?.()
  return { rowsPerBatch: counts === undefined || counts.batches === 0 ? null : counts.rows / counts.batches }
}

function keep(samples: Samples, subject: Subject, operation: OperationName, sample: Sample): void {
  const operations = samples.get(subject) ?? new Map<OperationName, Sample[]>()
  samples.set(subject, operations)
  operations.set(operation, [...(operations.get(operation) ?? []), sample])
}

function figureOf(
  server: BenchServer,
  subject: Subject,
  operation: OperationName,
  rounds: readonly Sample[],
  { batchSize, machineCores }: RoundsOptions,
): Figure {
  const perRound = rounds.map(({ records, seconds }) => records / seconds)
  const latencyMs = latencyOverRounds(rounds.map(round => round.latencyMs))
  const fills = rounds.flatMap(({ rowsPerBatch }) => rowsPerBatch ?? [])
  const rowsPerBatch = fills.length === 0 ? null : median(fills)
  const eventLoopBusy = median(rounds.map(round => round.eventLoopBusy))
  const hasServer = rounds.every(({ serverCpuMicroseconds }) => serverCpuMicroseconds !== null)
  const coresOf = (microseconds: (sample: Sample) => number): number =>
    median(rounds.map(sample => microseconds(sample) / 1e6 / sample.seconds))
  const clientCores = coresOf(sample => sample.clientCpuMicroseconds)
  const serverCores = hasServer ? coresOf(serverMicroseconds) : null
  const machineBusyCores = coresOf(sample => sample.machineCpuMicroseconds)
  const otherCores = Math.max(0, machineBusyCores - clientCores - (serverCores ?? 0))
  return {
    operation,
    subject: subject.id,
    rounds: rounds.length,
    records: rounds[0]?.records ?? 0,
    recordsPerSecond: spread(perRound),
    recordsPerSecondByRound: perRound,
    latencyMs,
    clientCpuMicroseconds: spread(rounds.map(round => round.clientCpuMicroseconds / round.records)),
    serverCpuMicroseconds: hasServer
      ? spread(rounds.map(sample => serverMicroseconds(sample) / sample.records))
      : null,
    eventLoopBusy,
    otherCores: hasServer ? otherCores : null,
    rowsPerBatch,
    limit: limitOf({
      eventLoopBusy,
      clientCores,
      serverCores,
      serverCoresMax: server.coresMax,
      machineCores,
      // Without the server's part there is no telling whose the rest is.
      otherCores: hasServer ? otherCores : 0,
      lingerMs: subject.lingerMs(operation),
      batchFill: rowsPerBatch === null ? null : rowsPerBatch / batchSize,
      p50Ms: latencyMs.p50,
    }),
  }
}

function serverMicroseconds({ serverCpuMicroseconds }: Sample): number {
  return serverCpuMicroseconds ?? 0
}

/** Every store against every other subject, for operations that both have. */
export function ratiosOf(figures: readonly Figure[]): Ratio[] {
  return figures
    .filter(({ subject }) => subject.startsWith('store-'))
    .flatMap(figure =>
      figures
        .filter(({ operation, subject }) => operation === figure.operation && subject !== figure.subject)
        .map(other => ({
          operation: figure.operation,
          subject: figure.subject,
          of: other.subject,
          recordsPerSecond: median(
            figure.recordsPerSecondByRound.flatMap((rate, round) => {
              const against = other.recordsPerSecondByRound[round]
              return against === undefined ? [] : rate / against
            }),
          ),
          clientCpu: figure.clientCpuMicroseconds.median / other.clientCpuMicroseconds.median,
        })),
    )
}
