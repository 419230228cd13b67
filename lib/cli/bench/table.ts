import { bytes, figure, percent, rate, seconds, spreadPercent } from './format.ts'
import { type Figure, OPERATIONS, type OperationName, type Report } from './report.ts'

type Row = readonly string[]

/** The report as text for a terminal. */
export function reportText(report: Report): string {
  const titles = new Map(report.subjects.map(({ id, title }) => [id, title]))
  const titleOf = (subject: string): string => titles.get(subject) ?? subject
  return [
    ...headLines(report),
    ...operationsOf(report).flatMap(operation => ['', ...operationLines(report, operation, titleOf)]),
    ...ratioLines(report, titleOf),
    ...loneLines(report, titleOf),
    ...halfLoadLines(report, titleOf),
    ...soakLines(report, titleOf),
    ...memoryLines(report, titleOf),
  ].join('\n')
}

function headLines({
  machine,
  server,
  parameters,
  unavailable,
  interrupted,
  failure,
  ...report
}: Report): string[] {
  const { transactions, rounds, warmUp, concurrency, batchSize, lingerMs, nodeOptions } = parameters
  return [
    `${report.package} on ${server.url}${server.kind === 'embedded' ? ', a process of its own' : ''}`,
    `node ${machine.node}, ${machine.cores} cores of ${machine.processor}`,
    `${rounds} rounds of ${rate(transactions)} transactions after ${warmUp} that warm up, ${rate(concurrency)} calls in progress, batches of ${rate(batchSize)}, linger ${lingerMs} ms`,
    `each subject in a process of its own, node options: ${nodeOptions || 'none'}`,
    ...unavailable.map(({ subject, reason }) => `not measured: ${subject}: ${reason}`),
    ...(failure === null ? [] : [`failed, these are the figures so far: ${failure}`]),
    ...(interrupted ? ['interrupted: these are the figures so far'] : []),
  ]
}

export function operationsOf({ figures }: Report): OperationName[] {
  return [...new Set(figures.map(({ operation }) => operation))]
}

function operationLines(
  { figures }: Report,
  operation: OperationName,
  titleOf: (subject: string) => string,
): string[] {
  const rows = figures.filter(each => each.operation === operation)
  const header = [
    '',
    'records/s',
    'spread',
    'p50 ms',
    'p90',
    'p99',
    'max',
    'client us',
    'server us',
    'limited by',
  ]
  return [
    `${operation}: ${OPERATIONS[operation]}`,
    ...aligned([header, ...rows.map(row => cellsOf(row, titleOf))]),
  ]
}

function cellsOf(row: Figure, titleOf: (subject: string) => string): Row {
  const { latencyMs, serverCpuMicroseconds } = row
  return [
    titleOf(row.subject),
    rate(row.recordsPerSecond.median),
    spreadPercent(row.recordsPerSecond),
    figure(latencyMs.p50),
    figure(latencyMs.p90),
    figure(latencyMs.p99),
    figure(latencyMs.max),
    figure(row.clientCpuMicroseconds.median),
    serverCpuMicroseconds === null ? '–' : figure(serverCpuMicroseconds.median),
    row.limit.text,
  ]
}

function ratioLines({ ratios }: Report, titleOf: (subject: string) => string): string[] {
  if (ratios.length === 0) return []
  const rows = ratios.map(({ operation, subject, of, recordsPerSecond, clientCpu }) => [
    operation,
    titleOf(subject),
    recordsPerSecond.toFixed(2),
    clientCpu.toFixed(2),
    `of ${titleOf(of)}`,
  ])
  const header = ['', '', 'records/s', 'client us', '']
  return ['', 'compared, round by round', ...aligned([header, ...rows])]
}

function loneLines({ loneCalls }: Report, titleOf: (subject: string) => string): string[] {
  if (loneCalls.length === 0) return []
  const rows = loneCalls.map(({ operation, subject, lingerMs, roundTripMs, latencyMs }) => [
    titleOf(subject),
    operation,
    figure(latencyMs.p50),
    figure(latencyMs.p99),
    `${lingerMs} + ${figure(roundTripMs.p50)}`,
  ])
  const header = ['', 'operation', 'p50 ms', 'p99', 'linger + round trip']
  return ['', 'a lone call on an idle store', ...aligned([header, ...rows])]
}

function halfLoadLines({ halfLoad }: Report, titleOf: (subject: string) => string): string[] {
  if (halfLoad.length === 0) return []
  const rows = halfLoad.map(
    ({ operation, subject, callsPerSecond, latencyMs, p99BoundMs, longestCollectionMs, stolenShare }) => [
      titleOf(subject),
      operation,
      rate(callsPerSecond),
      figure(latencyMs.p50),
      figure(latencyMs.p99),
      figure(latencyMs.max),
      figure(longestCollectionMs),
      stolenShare === null ? '-' : percent(stolenShare),
      `${figure(p99BoundMs)} ${latencyMs.p99 < p99BoundMs ? 'kept' : 'exceeded'}`,
    ],
  )
  const header = [
    '',
    'operation',
    'calls/s',
    'p50 ms',
    'p99',
    'max',
    'longest GC',
    'taken by the host',
    '3 x (linger + round trip)',
  ]
  return ['', 'calls that arrive at half of the maximal rate', ...aligned([header, ...rows])]
}

function soakLines({ soaks }: Report, titleOf: (subject: string) => string): string[] {
  return soaks.flatMap(each => {
    const last = each.samples.at(-1)
    const slopeText = (slope: number | null): string =>
      slope === null
        ? 'too few samples for a slope'
        : `${slope < 0 ? '' : '+'}${bytes(slope)} per million operations`
    return [
      '',
      `soak: ${titleOf(each.subject)}`,
      `  ${rate(each.operations)} operations in ${seconds(each.seconds)}, ${rate(each.operationsPerSecond)} a second`,
      `  heap ${bytes(last?.heapUsedBytes ?? 0)} at the end, ${slopeText(each.heapSlopeBytesPerMillion)}`,
      `  resident ${bytes(last?.rssBytes ?? 0)} at the end, ${slopeText(each.rssSlopeBytesPerMillion)}`,
    ]
  })
}

function memoryLines({ memory }: Report, titleOf: (subject: string) => string): string[] {
  const rows = memory.flatMap(({ subject, sizes: [first, last] }) => {
    if (first === undefined || last === undefined) return []
    const cells = [first.heapMiB, last.heapMiB, first.rssMiB, last.rssMiB].map(figure)
    return [[titleOf(subject), ...cells]]
  })
  if (rows.length === 0) return []
  const header = ['', 'heap, before', 'after', 'resident, before', 'after']
  return [
    '',
    'memory of each process in MiB, garbage collected, before the last round of warm-up and after the last of all',
    ...aligned([header, ...rows]),
  ]
}

/** Figures to the right, text to the left; a column is of figures when its cells begin with digits. */
function aligned(rows: readonly Row[]): string[] {
  const columns = Array.from({ length: rows[0]?.length ?? 0 }, (_, column) => {
    const cells = rows.map(row => row[column] ?? '')
    return {
      width: Math.max(...cells.map(cell => cell.length)),
      isFigures: /^[±\d–]/.test(cells.at(-1) ?? ''),
    }
  })
  return rows.map(row => {
    const cells = columns.map(({ width, isFigures }, column) => {
      const cell = row[column] ?? ''
      return isFigures ? cell.padStart(width) : cell.padEnd(width)
    })
    return `  ${cells.join('  ')}`.trimEnd()
  })
}
