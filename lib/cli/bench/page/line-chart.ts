import { pixels } from './bar-chart.ts'
import { html, type Markup } from './markup.ts'

export interface Line {
  readonly series: number
  readonly label: string
  readonly points: readonly { readonly x: number; readonly y: number }[]
}

export interface Axes {
  readonly x: (value: number) => string
  readonly y: (value: number) => string
}

const WIDTH = 980
const HEIGHT = 220
const LEFT = 74
const RIGHT = 130
const TOP = 8
const BOTTOM = 26
const TICKS = 4

/** Lines over a common scale that begins at zero, so that growth does not look larger than it is. */
export function lineChart(title: string, lines: readonly Line[], axes: Axes): Markup {
  const points = lines.flatMap(line => line.points)
  const right = Math.max(...points.map(({ x }) => x), Number.MIN_VALUE)
  const top = Math.max(...points.map(({ y }) => y), Number.MIN_VALUE) * 1.08
  const x = (value: number): number => LEFT + (value / right) * (WIDTH - LEFT - RIGHT)
  const y = (value: number): number => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM)
  const shares = Array.from({ length: TICKS + 1 }, (_, tick) => tick / TICKS)
  return html`<figure style="margin:16px 0 0"><h3>${title}</h3>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}">
${shares.map(
  share =>
    html`<path class="grid" d="M${LEFT} ${pixels(y(top * share))}H${WIDTH - RIGHT}"/><text class="quiet" text-anchor="end" x="${LEFT - 8}" y="${pixels(y(top * share) + 4)}">${axes.y(top * share)}</text><text class="quiet" text-anchor="middle" x="${pixels(x(right * share))}" y="${HEIGHT - 6}">${axes.x(right * share)}</text>`,
)}
${lines.map(({ series, label, points: own }) => {
  const last = own.at(-1)
  const path = own
    .map((point, index) => `${index === 0 ? 'M' : 'L'}${pixels(x(point.x))} ${pixels(y(point.y))}`)
    .join('')
  return html`<path d="${path}" fill="none" stroke="var(--series-${series})" stroke-width="2"/>${
    last === undefined
      ? ''
      : html`<text x="${pixels(x(last.x) + 8)}" y="${pixels(y(last.y) + 4)}">${label}</text>`
  }`
})}
</svg></figure>`
}
