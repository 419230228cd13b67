import { bytes, figure, percent, rate, spreadPercent } from '../format.ts'
import {
  type Figure,
  type LatencyMs,
  OPERATIONS,
  type OperationName,
  type Report,
  type Soak,
} from '../report.ts'
import { barChart } from './bar-chart.ts'
import { latencyChart } from './latency-chart.ts'
import { lineChart } from './line-chart.ts'
import { html, type Markup } from './markup.ts'

export type Subjects = ReadonlyMap<string, { readonly title: string; readonly series: number }>

type Cell = string | Markup

export function headFacts({ machine, parameters, server }: Report): Markup {
  const { transactions, rounds, warmUp, concurrency, batchSize, lingerMs, nodeOptions } = parameters
  const facts: [string, string][] = [
    ['Machine', `${machine.cores} cores, ${machine.processor}, ${figure(machine.memoryGiB)} GiB`],
    ['Node', `${machine.node}, ${machine.platform}`],
    [
      'Server',
      server.process === null ? 'not on this machine' : `on this machine, process ${server.process}`,
    ],
    ['Load', `${rate(concurrency)} calls in progress, batches of ${rate(batchSize)}, linger ${lingerMs} ms`],
    ['Rounds', `${rounds} of ${rate(transactions)} transactions, after ${warmUp} that warmed up`],
    ['Processes', `one for each subject, node options: ${nodeOptions || 'none'}`],
  ]
  return html`<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`
}

/** What most readers came for, before all detail: how many records a second, by operation and subject. */
export function overview({ figures, subjects: measured }: Report, subjects: Subjects): Markup {
  const operations = [...new Set(figures.map(({ operation }) => operation))]
  const shown = measured.filter(({ id }) => figures.some(({ subject }) => subject === id))
  if (operations.length < 2) return html``
  return html`<section><h2>At a glance</h2><p class="quiet">Records per second.</p>
${table(
  ['', ...shown.map(({ id }) => titleCell(id, subjects))],
  operations.map(operation => [
    operation,
    ...shown.map(({ id }) => {
      const row = figures.find(each => each.operation === operation && each.subject === id)
      return row === undefined ? '–' : rate(row.recordsPerSecond.median)
    }),
  ]),
  { figuresOnly: true },
)}</section>`
}

function titleCell(subject: string, subjects: Subjects): Markup {
  const { title = subject, series = 0 } = subjects.get(subject) ?? {}
  return html`<span class="subject">${swatch(series)}${title}</span>`
}

export function operationSection({ figures }: Report, operation: OperationName, subjects: Subjects): Markup {
  const rows = figures.filter(each => each.operation === operation)
  const seriesOf = ({ subject }: Figure): number => subjects.get(subject)?.series ?? 0
  const cpu = rows.map(row => ({
    series: seriesOf(row),
    parts: [row.clientCpuMicroseconds.median, row.serverCpuMicroseconds?.median ?? 0],
    label: cpuText(row),
  }))
  return html`<section><h2>${operation}</h2><p class="quiet">${OPERATIONS[operation]}</p>
<ul class="legend">${rows.map(row => html`<li>${titleCell(row.subject, subjects)}</li>`)}</ul>
<div class="charts">
${barChart(
  'Records per second',
  rows.map(row => ({
    series: seriesOf(row),
    parts: [row.recordsPerSecond.median],
    range: [row.recordsPerSecond.min, row.recordsPerSecond.max],
    label: rate(row.recordsPerSecond.median),
  })),
)}
${barChart('CPU of a record, µs: client, paler server', cpu)}
${latencyChart(
  'Latency: p50, p90, p99, largest',
  rows.map(row => ({ series: seriesOf(row), latencyMs: row.latencyMs })),
)}
</div>
${table(
  ['', 'records/s', 'spread', 'p50 ms', 'p90', 'p99', 'largest', 'client µs', 'server µs', 'limited by'],
  rows.map(row => [
    titleCell(row.subject, subjects),
    rate(row.recordsPerSecond.median),
    spreadPercent(row.recordsPerSecond),
    ...latencyCells(row.latencyMs),
    figure(row.clientCpuMicroseconds.median),
    row.serverCpuMicroseconds === null ? '–' : figure(row.serverCpuMicroseconds.median),
    row.limit.text,
  ]),
)}</section>`
}

function cpuText({ clientCpuMicroseconds, serverCpuMicroseconds }: Figure): string {
  const client = figure(clientCpuMicroseconds.median)
  return serverCpuMicroseconds === null ? client : `${client} + ${figure(serverCpuMicroseconds.median)}`
}

export function comparisons({ ratios }: Report, subjects: Subjects): Markup {
  if (ratios.length === 0) return html``
  return html`<section><h2>Compared</h2><p class="quiet">The store as a multiple of another subject of the same run, round by round.</p>
${table(
  ['', 'throughput', 'client CPU', ''],
  ratios.map(({ operation, subject, of, recordsPerSecond, clientCpu }, index) => [
    operation === ratios[index - 1]?.operation ? '' : operation,
    `${recordsPerSecond.toFixed(2)} ×`,
    `${clientCpu.toFixed(2)} ×`,
    html`${titleCell(subject, subjects)} as a multiple of ${titleCell(of, subjects)}`,
  ]),
)}</section>`
}

export function latencySections({ loneCalls, halfLoad }: Report, subjects: Subjects): Markup {
  const titleOf = (subject: string): Markup => titleCell(subject, subjects)
  const lone = html`<section><h2>A lone call on an idle store</h2><p class="quiet">It waits for its linger and a round trip; beside them is what one row takes through the transport alone.</p>
${table(
  ['', 'p50 ms', 'p90', 'p99', 'largest', 'linger ms', 'round trip ms', 'operation'],
  loneCalls.map(({ operation, subject, latencyMs, lingerMs, roundTripMs }) => [
    titleOf(subject),
    ...latencyCells(latencyMs),
    figure(lingerMs),
    figure(roundTripMs.p50),
    operation,
  ]),
)}</section>`
  const half = html`<section><h2>At half of the maximal rate</h2><p class="quiet">Calls arrive evenly whatever becomes of those before them; latency counts from the moment at which a call was due.</p>
${table(
  [
    '',
    'calls/s',
    'p50 ms',
    'p90',
    'p99',
    'largest',
    'longest GC',
    'taken by the host',
    '3 × (linger + round trip)',
    'operation',
  ],
  halfLoad.map(
    ({ operation, subject, callsPerSecond, latencyMs, p99BoundMs, longestCollectionMs, stolenShare }) => [
      titleOf(subject),
      rate(callsPerSecond),
      ...latencyCells(latencyMs),
      figure(longestCollectionMs),
      stolenShare === null ? '–' : percent(stolenShare),
      latencyMs.p99 < p99BoundMs
        ? html`<span class="good">${figure(p99BoundMs)} kept</span>`
        : html`<span class="warn">${figure(p99BoundMs)} exceeded</span>`,
      operation,
    ],
  ),
)}</section>`
  return html`${loneCalls.length === 0 ? '' : lone}${halfLoad.length === 0 ? '' : half}`
}

export function soakSection(soak: Soak, subjects: Subjects): Markup {
  const { title = soak.subject, series = 0 } = subjects.get(soak.subject) ?? {}
  const slope = (value: number | null): string =>
    value === null ? 'too few samples' : `${value < 0 ? '' : '+'}${bytes(value)} per million operations`
  const lines = [
    {
      series,
      label: 'heap in use',
      points: soak.samples.map(({ operations, heapUsedBytes }) => ({ x: operations, y: heapUsedBytes })),
    },
    {
      series: series + 1,
      label: 'resident',
      points: soak.samples.map(({ operations, rssBytes }) => ({ x: operations, y: rssBytes })),
    },
  ]
  return html`<section><h2>Soak: ${title}</h2>
<p class="quiet">${rate(soak.operations)} operations at ${rate(soak.operationsPerSecond)} a second. Heap ${slope(soak.heapSlopeBytesPerMillion)}, resident ${slope(soak.rssSlopeBytesPerMillion)}, by a line through the samples after the first fifth.</p>
${lineChart('Memory after a garbage collection, by operations', lines, { x: rate, y: bytes })}</section>`
}

export function memorySection({ memory }: Report, subjects: Subjects): Markup {
  const rows = memory.flatMap(({ subject, sizes: [first, last] }) => {
    if (first === undefined || last === undefined) return []
    const cells = [first.heapMiB, last.heapMiB, first.rssMiB, last.rssMiB].map(figure)
    return [[titleCell(subject, subjects), ...cells]]
  })
  if (rows.length === 0) return html``
  return html`<section><h2>Memory</h2><p class="quiet">MiB of each process, garbage collected, before the last round of warm-up and after the last of all.</p>
${table(['', 'heap, before', 'after', 'resident, before', 'after'], rows, { figuresOnly: true })}</section>`
}

function latencyCells({ p50, p90, p99, max }: LatencyMs): string[] {
  return [p50, p90, p99, max].map(figure)
}

function swatch(series: number): Markup {
  return html`<i style="background:var(--series-${series})"></i>`
}

/** The first column is text, and so is the last unless `figuresOnly`; those between are figures. */
function table(
  header: readonly Cell[],
  rows: readonly (readonly Cell[])[],
  { figuresOnly = false } = {},
): Markup {
  const kind = (column: number): string => (column === header.length - 1 && !figuresOnly ? 'text' : '')
  return html`<div class="scroll"><table><thead><tr>${header.map((name, column) => html`<th class="${kind(column)}">${name}</th>`)}</tr></thead>
<tbody>${rows.map(row => html`<tr>${row.map((cell, column) => html`<td class="${kind(column)}">${cell}</td>`)}</tr>`)}</tbody></table></div>`
}
