import type { BatcherSample, OperationSample, Sample, Trouble } from './sample.ts'

export interface ViewOptions {
  readonly url: string
  readonly intervalMs: number
  /** Calls per second of the samples so far, the latest last. */
  readonly history: readonly number[]
  readonly columns: number
  readonly rows: number
  readonly colour: boolean
  /** Why the latest reading failed; what is shown is then the one before. */
  readonly trouble?: string | undefined
}

const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const
type Style = keyof typeof STYLES

interface Cell {
  readonly text: string
  readonly style?: Style
  /** Shown whole or not at all, with all that follow: half a figure would be a wrong one. */
  readonly isColumn?: true
}

const SPARKS = '▁▂▃▄▅▆▇█'
const NONE = '–'
const CUT = '…'
const QUIT = 'q quits'
const CURVE = 'calls/s '
/** Of the lines of errors, title included, how many are kept on a low terminal. */
const ERROR_LINES_LOW = 6
/** So many lines the operations have at least, that of those left out among them. */
const OPERATION_LINES_LOW = 3
/** Header, curve, the title of the calls, their sum, three empty lines, the cursor's row. */
const FIXED_LINES = 8
const TROUBLE_NAMES: Readonly<Record<Trouble, string>> = {
  refusedItems: 'items refused: queue full',
  unansweredItems: 'items left without an answer',
  breakerRefusals: 'inputs refused by the breaker',
  overloadRetries: 'rows sent again after overload',
  rollbacks: 'spends undone in part',
  followUpFailures: 'follow-ups failed',
  creationRepairs: 'creations repaired',
}
const BREAKER_STYLES = { closed: 'green', 'half-open': 'yellow', open: 'red' } as const

/** The lines of the live view: no more than the rows, none longer than the columns of the terminal. */
export function renderView(sample: Sample | undefined, options: ViewOptions): string[] {
  const lines = [
    header(sample, options),
    secondLine(options),
    ...(sample === undefined ? [[{ text: 'waiting for a second reading' }]] : body(sample, options)),
  ]
  return lines.slice(0, options.rows - 1).map(cells => fitted(cells, options))
}

/** One line for each sample, where there is no terminal to redraw. */
export function renderLine(sample: Sample): string {
  const slowest = Math.max(...sample.operations.map(({ p99Ms }) => p99Ms ?? 0), 0)
  const queued = sample.batchers.reduce((all, { queued }) => all + queued, 0)
  const inFlight = sample.batchers.reduce((all, { inFlight }) => all + inFlight, 0)
  const trouble = Object.values(sample.troublePerSecond).reduce((all, each) => all + each, 0)
  return [
    sample.time.slice(11, 19),
    `calls ${rate(sample.callsPerSecond)}/s`,
    `errors ${rate(sample.errorsPerSecond)}/s`,
    `slowest p99 ${slowest === 0 ? NONE : time(slowest)}`,
    `queued ${count(queued)}`,
    `in flight ${count(inFlight)}`,
    `breaker ${sample.breaker.state}`,
    `trouble ${rate(trouble)}/s`,
  ].join('  ')
}

function header(sample: Sample | undefined, { url, intervalMs, columns }: ViewOptions): Cell[] {
  const clock = sample === undefined ? '' : `  ${sample.time.slice(11, 19)} UTC`
  const title: Cell[] = [
    { text: 'utxo-store', style: 'bold' },
    { text: ` ${url}${clock}  every ${intervalMs / 1000} s` },
  ]
  const room = columns - title.reduce((width, { text }) => width + text.length, 0)
  return room < QUIT.length + 2 ? title : [...title, { text: QUIT.padStart(room), style: 'dim' }]
}

/** Why there is no new reading, or how the calls went so far. */
function secondLine({ trouble, url, history, columns }: ViewOptions): Cell[] {
  if (trouble !== undefined)
    return [{ text: `${trouble.replace(`${url} `, '')}; the figures are older`, style: 'red' }]
  if (history.length < 2) return []
  const peak = `  peak ${rate(Math.max(...history))}/s`
  const room = Math.max(0, columns - CURVE.length - peak.length)
  return [
    { text: CURVE, style: 'dim' },
    { text: sparkline(history.slice(-room)) },
    { text: peak, style: 'dim' },
  ]
}

function body(sample: Sample, { rows }: ViewOptions): Cell[][] {
  const errors = errorLines(sample)
  const load = [loadLine(sample), ...troubleLines(sample)]
  // Where the terminal is low, idle batchers and then the rarest operations go first; what is wrong is on top.
  const below = load.length + Math.min(errors.length, ERROR_LINES_LOW) + FIXED_LINES
  const all = batcherLines(sample.batchers)
  const isLow = sample.operations.length + all.length + below > rows
  const batchers = isLow ? batcherLines(sample.batchers.filter(each => !isIdle(each))) : all
  const operations = operationLines(sample, Math.max(OPERATION_LINES_LOW, rows - batchers.length - below))
  return [...load, [], ...operations, [], ...batchers, ...(errors.length > 0 ? [[], ...errors] : [])]
}

function isIdle({ queued, inFlight, batchesPerSecond }: BatcherSample): boolean {
  return queued === 0 && inFlight === 0 && batchesPerSecond === 0
}

function operationLines(sample: Sample, room: number): Cell[][] {
  const { operations } = sample
  const shown = operations.length <= room ? operations : operations.slice(0, room - 1)
  const left = operations.length - shown.length
  return [
    headed('calls', ['calls/s', 'errors/s', 'mean', 'p50', 'p99'], CALLS),
    operationLine('all', sample.callsPerSecond, sample.errorsPerSecond, {}),
    ...shown.map(each => operationLine(each.operation, each.callsPerSecond, each.errorsPerSecond, each)),
    ...(left > 0 ? [[{ text: `  and ${left} more operations`, style: 'dim' } as const]] : []),
  ]
}

function operationLine(
  name: string,
  calls: number,
  failures: number,
  { meanMs = null, p50Ms = null, p99Ms = null }: Partial<OperationSample>,
): Cell[] {
  return [
    { text: `  ${name}`.padEnd(CALLS.name), ...(calls === 0 ? { style: 'dim' as const } : {}) },
    column(rate(calls), CALLS),
    column(rate(failures), CALLS, failures > 0 ? 'yellow' : undefined),
    ...[meanMs, p50Ms, p99Ms].map(each => column(timeOrNone(each), CALLS)),
  ]
}

function batcherLines(batchers: readonly BatcherSample[]): Cell[][] {
  return [
    headed('batchers', ['queued', 'in flight', 'batches/s', 'items each', 'wait p99', 'time p99'], BATCHERS),
    ...batchers.map(each => [
      { text: `  ${each.batcher}`.padEnd(BATCHERS.name), ...(isIdle(each) ? { style: 'dim' as const } : {}) },
      column(count(each.queued), BATCHERS),
      column(
        `${count(each.inFlight)}${each.limit === null ? '' : ` of ${count(Math.floor(each.limit))}`}`,
        BATCHERS,
        each.limit !== null && each.inFlight >= each.limit ? 'yellow' : undefined,
      ),
      column(rate(each.batchesPerSecond), BATCHERS),
      column(each.itemsPerBatch === null ? NONE : rate(each.itemsPerBatch), BATCHERS),
      column(timeOrNone(each.queueP99Ms), BATCHERS),
      column(timeOrNone(each.batchP99Ms), BATCHERS),
    ]),
  ]
}

function loadLine({ connections, breaker }: Sample): Cell[] {
  const cells: Cell[] = [
    { text: 'breaker ', style: 'bold' },
    { text: breaker.state, style: BREAKER_STYLES[breaker.state] },
  ]
  if (connections === null) return cells
  return [
    ...cells,
    { text: '   connections ', style: 'bold' },
    { text: `${count(connections.free)} free, ` },
    {
      text: `${count(connections.waiting)} waiting`,
      ...(connections.waiting > 0 ? { style: 'yellow' as const } : {}),
    },
  ]
}

/** Only what there is: in good times the view is short. */
function troubleLines({ troublePerSecond }: Sample): Cell[][] {
  return (Object.keys(TROUBLE_NAMES) as Trouble[])
    .filter(trouble => troublePerSecond[trouble] > 0)
    .map(trouble => [
      { text: `  ${TROUBLE_NAMES[trouble]}`.padEnd(ERRORS.name) },
      column(`${rate(troublePerSecond[trouble])}/s`, ERRORS, 'red'),
    ])
}

function errorLines({ errors }: Sample): Cell[][] {
  if (errors.length === 0) return []
  return [
    headed('errors', ['per second', 'in total'], ERRORS),
    ...errors.map(({ operation, code, perSecond, total }): Cell[] => [
      {
        text: `  ${operation} ${code}`.padEnd(ERRORS.name),
        ...(perSecond > 0 ? {} : { style: 'dim' as const }),
      },
      column(rate(perSecond), ERRORS),
      column(count(total), ERRORS),
    ]),
  ]
}

interface Widths {
  readonly name: number
  readonly column: number
}

/** Each table fits a terminal of 80 columns. */
const CALLS: Widths = { name: 35, column: 9 }
const BATCHERS: Widths = { name: 14, column: 11 }
const ERRORS: Widths = { name: 56, column: 12 }

function headed(name: string, titles: readonly string[], widths: Widths): Cell[] {
  return [
    { text: name.padEnd(widths.name), style: 'bold' },
    ...titles.map(title => column(title, widths, 'dim')),
  ]
}

function column(text: string, widths: Widths, style?: Style): Cell {
  return { text: text.padStart(widths.column), isColumn: true, ...(style === undefined ? {} : { style }) }
}

function fitted(cells: readonly Cell[], { columns, colour }: ViewOptions): string {
  let room = columns
  const shown: string[] = []
  for (const { text, style, isColumn } of cells) {
    if (text.length > room && isColumn) break
    const part = text.length > room ? `${text.slice(0, Math.max(0, room - CUT.length))}${CUT}` : text
    shown.push(colour && style !== undefined && part !== '' ? `\x1b[${STYLES[style]}m${part}\x1b[0m` : part)
    room -= part.length
    if (part !== text) break
  }
  return shown.join('')
}

function sparkline(values: readonly number[]): string {
  const most = Math.max(...values, 1)
  return values
    .map(value => SPARKS[Math.min(SPARKS.length - 1, Math.floor((value / most) * SPARKS.length))])
    .join('')
}

function rate(value: number): string {
  return value === 0 ? '0' : value < 100 ? value.toFixed(1) : count(Math.round(value))
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}

function time(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`
  return `${ms < 100 ? ms.toFixed(1) : Math.round(ms)} ms`
}

function timeOrNone(ms: number | null): string {
  return ms === null ? NONE : time(ms)
}
