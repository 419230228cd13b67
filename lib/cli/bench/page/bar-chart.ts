import { html, type Markup } from './markup.ts'

export interface Bar {
  /** Index of the colour. */
  readonly series: number
  /** Parts that are drawn one after the other; later ones paler. */
  readonly parts: readonly number[]
  /** The least and the largest of the rounds. */
  readonly range?: readonly [number, number]
  readonly label: string
}

const WIDTH = 330
const ROW = 26
const BAR = 16
const LABEL_WIDTH = 84
const PART_OPACITY = [1, 0.45]

/** Horizontal bars from zero, each with its figure at the end. */
export function barChart(title: string, bars: readonly Bar[]): Markup {
  const ends = bars.map(({ parts, range }) =>
    Math.max(
      parts.reduce((sum, part) => sum + part, 0),
      range?.[1] ?? 0,
    ),
  )
  const scale = (WIDTH - LABEL_WIDTH) / Math.max(...ends, Number.MIN_VALUE)
  return html`<figure style="margin:0"><h3>${title}</h3>
<svg viewBox="0 0 ${WIDTH} ${bars.length * ROW}" role="img" aria-label="${title}">
${bars.map((bar, index) => barMarkup(bar, index * ROW + (ROW - BAR) / 2, scale, (ends[index] ?? 0) * scale))}
</svg></figure>`
}

function barMarkup({ series, parts, range, label }: Bar, top: number, scale: number, end: number): Markup {
  const starts = parts.map((_, index) => parts.slice(0, index).reduce((sum, part) => sum + part, 0))
  const middle = top + BAR / 2
  return html`<g>${parts.map(
    (part, index) =>
      html`<rect x="${pixels((starts[index] ?? 0) * scale)}" y="${top}" width="${pixels(part * scale)}" height="${BAR}" rx="2" fill="var(--series-${series})" fill-opacity="${PART_OPACITY[index] ?? 0.25}"/>`,
  )}${
    range === undefined
      ? ''
      : html`<path class="whisker" fill="none" d="M${pixels(range[0] * scale)} ${middle}H${pixels(range[1] * scale)}M${pixels(range[0] * scale)} ${middle - 4}v8M${pixels(range[1] * scale)} ${middle - 4}v8"/>`
  }<text x="${pixels(end + 8)}" y="${middle + 4}">${label}</text></g>`
}

export function pixels(value: number): string {
  return value.toFixed(1)
}
