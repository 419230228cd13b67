import { StoreError } from '../../errors/index.ts'

/** One value of a metrics page. */
export interface Reading {
  readonly labels: ReadonlyMap<string, string>
  readonly value: number
}

/** The values of a metrics page, by the names of their series. */
export type Readings = ReadonlyMap<string, readonly Reading[]>

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y
const LABEL = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,?)/y
const LABELS_END = /\s*\}/y
/** A value, and perhaps the time of it and an exemplar, neither of which matters here. */
const VALUE = /\s*([^\s#]+)(?:\s+-?[\d.]+)?\s*(?:#.*)?$/y
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/
/** In any case, as Go reads them: prom-client writes `Nan` for an event loop that was not measured yet. */
const SPECIAL_VALUES: ReadonlyMap<string, number> = new Map([
  ['nan', Number.NaN],
  ['inf', Number.POSITIVE_INFINITY],
  ['+inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
])
const ESCAPES: Readonly<Record<string, string>> = { '\\n': '\n', '\\"': '"', '\\\\': '\\' }

/**
 * Reads Prometheus' text exposition format, as prom-client writes it; OpenMetrics' exemplars and end mark are
 * read past. Throws `PROCESSING` with the number of the first line that is none.
 */
export function parseExposition(text: string): Readings {
  const readings = new Map<string, Reading[]>()
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const parsed = parseLine(line)
    if (parsed === undefined)
      throw new StoreError('PROCESSING', `line ${index + 1} is no metric: ${line.slice(0, 80)}`)
    const known = readings.get(parsed.name)
    if (known === undefined) readings.set(parsed.name, [parsed.reading])
    else known.push(parsed.reading)
  }
  return readings
}

function parseLine(line: string): { name: string; reading: Reading } | undefined {
  const name = matchAt(NAME, line, 0)
  if (name === undefined) return undefined
  const labels = new Map<string, string>()
  let at = name[0].length
  if (line[at] === '{') {
    at += 1
    let isLast = false
    while (!isLast) {
      const label = matchAt(LABEL, line, at)
      if (label === undefined) break
      const [whole, key = '', value = '', comma] = label
      labels.set(
        key,
        value.replace(/\\[n"\\]/g, escaped => ESCAPES[escaped] ?? escaped),
      )
      at += whole.length
      isLast = comma === ''
    }
    const end = matchAt(LABELS_END, line, at)
    if (end === undefined) return undefined
    at += end[0].length
  }
  const [, digits = ''] = matchAt(VALUE, line, at) ?? []
  const value = SPECIAL_VALUES.get(digits.toLowerCase()) ?? (NUMBER.test(digits) ? Number(digits) : undefined)
  return value === undefined ? undefined : { name: name[0], reading: { labels, value } }
}

function matchAt(pattern: RegExp, line: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at
  return pattern.exec(line) ?? undefined
}
