import type { Spread } from './report.ts'

/** Three significant digits, and thousands with separators: 0.42, 3.1, 48, 12,300. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US')
  return value
    .toPrecision(Math.abs(value) >= 10 ? 3 : 2)
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '')
}

export function rate(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** How far the rounds lie from each other, as a share of the middle one. */
export function spreadPercent({ median, min, max }: Spread): string {
  return `±${Math.round(((max - min) / 2 / median) * 100)} %`
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

export function bytes(value: number): string {
  const size = Math.abs(value)
  if (size >= 2 ** 20) return `${figure(value / 2 ** 20)} MiB`
  return size >= 2 ** 10 ? `${figure(value / 2 ** 10)} KiB` : `${figure(value)} bytes`
}

export function seconds(value: number): string {
  return value < 120 ? `${figure(value)} s` : `${figure(value / 60)} min`
}
