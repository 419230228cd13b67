import { figure } from '../format.ts'
import type { LatencyMs } from '../report.ts'
import { pixels } from './bar-chart.ts'
import { html, type Markup } from './markup.ts'

export interface LatencyRow {
  readonly series: number
  readonly latencyMs: LatencyMs
}

const WIDTH = 330
const ROW = 26
const AXIS = 22
/** Room for half of the outermost labels. */
const PADDING = 28
/** More of them would run into one another. */
const TICKS_MAX = 5

/** Percentiles on a logarithmic scale: a line from p50 to the largest, with marks at p50, p90 and p99. */
export function latencyChart(title: string, rows: readonly LatencyRow[]): Markup {
  const values = rows
    .flatMap(({ latencyMs }) => Object.values(latencyMs) as number[])
    .filter(value => value > 0)
  const { lowest, highest, ticks } = axisOf(values)
  const x = (value: number): number =>
    PADDING +
    (Math.log(Math.max(value, lowest) / lowest) / Math.log(highest / lowest)) * (WIDTH - 2 * PADDING)
  const height = rows.length * ROW
  return html`<figure style="margin:0"><h3>${title}</h3>
<svg viewBox="0 0 ${WIDTH} ${height + AXIS}" role="img" aria-label="${title}">
${ticks.map(
  value =>
    html`<path class="grid" d="M${pixels(x(value))} 0V${height}"/><text class="quiet" text-anchor="middle" x="${pixels(x(value))}" y="${height + 15}">${figure(value)} ms</text>`,
)}
${rows.map(({ series, latencyMs }, index) => rowMarkup(series, latencyMs, index * ROW + ROW / 2, x))}
</svg></figure>`
}

interface Axis {
  readonly lowest: number
  readonly highest: number
  readonly ticks: readonly number[]
}

/** From the step below the least to the step above the largest, so that what lies close together is told apart. */
function axisOf(values: readonly number[]): Axis {
  const least = values.length === 0 ? 1 : Math.min(...values)
  const largest = values.length === 0 ? 10 : Math.max(...values)
  const steps = stepsAround(least, largest)
  const lowest = steps.findLast(step => step <= least) ?? least
  const highest = steps.find(step => step > Math.max(largest, lowest)) ?? largest
  const shown = steps.filter(step => step >= lowest && step <= highest)
  const decades = shown.filter(step => step.toExponential().startsWith('1e'))
  return { lowest, highest, ticks: shown.length <= TICKS_MAX ? shown : decades }
}

/** 1, 2 and 5 of each power of ten, from below the least to above the largest. */
function stepsAround(least: number, largest: number): number[] {
  const from = Math.floor(Math.log10(least))
  const to = Math.ceil(Math.log10(largest)) + 1
  // By text, since 10 ** -3 is no exact number.
  return Array.from({ length: to - from + 1 }, (_, index) => from + index).flatMap(power =>
    [1, 2, 5].map(step => Number(`${step}e${power}`)),
  )
}

function rowMarkup(
  series: number,
  { p50, p90, p99, max }: LatencyMs,
  y: number,
  x: (value: number) => number,
): Markup {
  const colour = `var(--series-${series})`
  return html`<g><title>p50 ${figure(p50)} ms, p90 ${figure(p90)} ms, p99 ${figure(p99)} ms, largest ${figure(max)} ms</title>
<path d="M${pixels(x(p50))} ${y}H${pixels(x(max))}" stroke="${colour}" stroke-opacity="0.4" stroke-width="2"/>
<path d="M${pixels(x(p50))} ${y}H${pixels(x(p99))}" stroke="${colour}" stroke-width="4"/>
<circle cx="${pixels(x(p50))}" cy="${y}" r="6" fill="${colour}"/>
<path d="M${pixels(x(p90))} ${y - 6}v12M${pixels(x(p99))} ${y - 7}v14" stroke="${colour}" stroke-width="2.5"/>
<path d="M${pixels(x(max))} ${y - 4}v8" stroke="${colour}" stroke-opacity="0.6" stroke-width="1.5"/></g>`
}
