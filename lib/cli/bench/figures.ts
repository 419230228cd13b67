import { limitOf } from './limits.ts'
import type { Sample } from './messages.ts'
import type { Figure, OperationName, Ratio, SubjectDescription } from './report.ts'
import type { BenchServer } from './server.ts'
import { latencyOverRounds, median, spread } from './statistics.ts'

/** The kernel counts the machine's time in hundredths of a second: over less than this its share is a guess. */
const MACHINE_SECONDS_MIN = 0.1

/** What the rounds of a subject and an operation come to. */
export function figureOf(
  server: BenchServer,
  subject: SubjectDescription,
  operation: OperationName,
  rounds: readonly Sample[],
  { batchSize, machineCores }: { readonly batchSize: number; readonly machineCores: number },
): Figure {
  const perRound = rounds.map(({ records, seconds }) => records / seconds)
  const latencyMs = latencyOverRounds(rounds.map(round => round.latencyMs))
  const fills = rounds.flatMap(({ rowsPerBatch }) => rowsPerBatch ?? [])
  const rowsPerBatch = fills.length === 0 ? null : median(fills)
  const eventLoopBusy = median(rounds.map(round => round.eventLoopBusy))
  const hasServer = rounds.every(({ serverCpuMicroseconds }) => serverCpuMicroseconds !== null)
  const coresOf = (microseconds: (sample: Sample) => number): number =>
    Math.min(machineCores, median(rounds.map(sample => microseconds(sample) / 1e6 / sample.seconds)))
  const clientCores = coresOf(sample => sample.clientCpuMicroseconds)
  const serverCores = hasServer ? coresOf(serverMicroseconds) : null
  const machineBusyCores = coresOf(sample => sample.machineCpuMicroseconds)
  const seesOthers = hasServer && median(rounds.map(({ seconds }) => seconds)) >= MACHINE_SECONDS_MIN
  const otherCores = seesOthers ? Math.max(0, machineBusyCores - clientCores - (serverCores ?? 0)) : null
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
    otherCores,
    rowsPerBatch,
    limit: limitOf({
      eventLoopBusy,
      clientCores,
      serverCores,
      serverCoresMax: server.coresMax,
      machineCores,
      // Without the server's part there is no telling whose the rest is.
      otherCores: otherCores ?? 0,
      lingerMs: rounds[0]?.lingerMs ?? null,
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
