import { describe, expect, it } from '@jest/globals'
import { parseExposition } from '../../../lib/cli/watch/exposition.ts'
import { takeSample, WATCHED } from '../../../lib/cli/watch/sample.ts'
import { renderLine, renderView, type ViewOptions } from '../../../lib/cli/watch/view.ts'

const OPTIONS: ViewOptions = {
  url: 'http://127.0.0.1:9464/metrics',
  intervalMs: 1000,
  history: [1, 2, 4, 8],
  columns: 80,
  rows: 40,
  colour: false,
}

const END = '\x1b[0m'
// biome-ignore lint/suspicious/noControlCharactersInRegex: the colours of a terminal
const COLOUR = /\x1b\[\d+m/g

const NAMES = Array.from({ length: 30 }, (_, index) => `setDeleteAtHeightForChildRecords${index}`.slice(-32))
const PAGE = [
  ...NAMES.map(name => `${WATCHED.calls}{operation="${name}",outcome="ok"} 5000000`),
  ...NAMES.map(name => `${WATCHED.calls}{operation="${name}",outcome="SERVICE_UNAVAILABLE"} 3`),
  `${WATCHED.queuedItems}{batcher="spend"} 8192`,
  `${WATCHED.inFlight}{batcher="spend"} 4`,
  `${WATCHED.concurrencyLimit}{batcher="spend"} 4`,
  `${WATCHED.permitsFree} 0`,
  `${WATCHED.permitsWaiting} 9`,
  `${WATCHED.breaker} 1`,
  `${WATCHED.unansweredItems}{batcher="spend"} 17`,
].join('\n')
const SAMPLE = takeSample(
  { before: parseExposition(''), after: parseExposition(PAGE), seconds: 1 },
  new Date('2026-01-02T03:04:05Z'),
)

describe('renderView', () => {
  it.each([
    [80, 24],
    [40, 12],
    [200, 60],
  ])('stays inside %i columns and %i rows, with its colours', (columns, rows) => {
    const lines = renderView(SAMPLE, { ...OPTIONS, columns, rows, colour: true })
    expect(lines.length).toBeLessThan(rows)
    const visible = lines.map(line => line.replace(COLOUR, ''))
    expect(Math.max(...visible.map(line => line.length))).toBeLessThanOrEqual(columns)
    for (const line of lines) {
      const colours = line.match(COLOUR) ?? []
      expect(colours.filter((_, index) => (colours[index] === END) !== (index % 2 === 1))).toEqual([])
    }
  })

  it('keeps what is wrong in sight on a terminal of 24 rows', () => {
    const text = renderView(SAMPLE, { ...OPTIONS, rows: 24 }).join('\n')
    expect(text).toMatch(/breaker open {3}connections 0 free, 9 waiting/)
    expect(text).toMatch(/items left without an answer +17\.0\/s/)
    expect(text).toMatch(/spend +8,192 +4 of 4/)
    expect(text).toMatch(/and \d+ more operations/)
    expect(text).toMatch(/SERVICE_UNAVAILABLE/)
    expect(text).toMatch(/ForChildRecords0 +5,000,003 +3\.0 +– +– +–$/m)
  })

  it.each([16, 24])('leaves out idle batchers where %i rows are too few for all', rows => {
    const idle = ['get', 'locked', 'outpoint', 'store'].map(
      name => `${WATCHED.queuedItems}{batcher="${name}"} 0`,
    )
    const after = parseExposition([PAGE, ...idle].join('\n'))
    const sample = takeSample({ before: parseExposition(''), after, seconds: 1 }, new Date(0))
    const text = renderView(sample, { ...OPTIONS, rows }).join('\n')
    expect(text).toMatch(/spend +8,192 +4 of 4/)
    expect(text).not.toMatch(/outpoint/)
    expect(text).toMatch(/breaker open/)
    expect(renderView(sample, { ...OPTIONS, rows: 90 }).join('\n')).toMatch(/outpoint/)
  })

  it('shows every operation on 23 rows once idle batchers are left out, and all on 24', () => {
    const calls = ['get', 'create', 'spend', 'setMinedMulti', 'previousOutputsDecorate'].map(
      name => `${WATCHED.calls}{operation="${name}",outcome="ok"} 9`,
    )
    const batchers = ['get', 'increment', 'locked', 'outpoint', 'setDAH', 'spend', 'store'].map(
      name => `${WATCHED.queuedItems}{batcher="${name}"} 0`,
    )
    const failed = `${WATCHED.calls}{operation="get",outcome="TX_NOT_FOUND"} 3`
    const after = parseExposition(
      [...calls, ...batchers, failed, `${WATCHED.queuedItems}{batcher="get"} 1`].join('\n'),
    )
    const sample = takeSample({ before: parseExposition(''), after, seconds: 1 }, new Date(0))
    const text = (rows: number): string => renderView(sample, { ...OPTIONS, rows }).join('\n')
    expect(text(23)).toMatch(/setMinedMulti/)
    expect(text(23)).not.toMatch(/more operations/)
    expect(text(23)).not.toMatch(/setDAH/)
    expect(text(24)).toMatch(/setDAH/)
    expect(text(23)).toMatch(/get TX_NOT_FOUND +3\.0 +3$/)
    expect(text(24)).toMatch(/get TX_NOT_FOUND +3\.0 +3$/)
  })

  it('shows no part of a figure on a narrow terminal, and marks text that is cut', () => {
    const lines = renderView(SAMPLE, { ...OPTIONS, columns: 50 })
    expect(lines).toContain('calls                                calls/s')
    expect(lines.filter(line => line.startsWith('  all'))).toEqual([`${'  all'.padEnd(35)}150,000,090`])
    expect(lines[0]).toMatch(/^utxo-store http.*…$/)
  })

  it('draws the rate so far as a curve, as wide as there is room', () => {
    const curve = (columns: number): string | undefined =>
      renderView(SAMPLE, { ...OPTIONS, columns, history: Array.from({ length: 200 }, (_, at) => at) })[1]
    expect(curve(80)).toMatch(/^calls\/s [▁-█]+█ {2}peak 199\/s$/)
    expect(curve(80)).toHaveLength(80)
    expect(curve(120)).toHaveLength(120)
  })

  it('writes no control characters without colours', () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(renderView(SAMPLE, OPTIONS).join('\n')).not.toMatch(/[\x00-\x09\x0b-\x1f]/)
  })

  it('shows why a reading failed, above the figures before it', () => {
    const [, second, ...rest] = renderView(SAMPLE, {
      ...OPTIONS,
      trouble: 'http://127.0.0.1:9464/metrics cannot be read',
    })
    expect(second).toBe('cannot be read; the figures are older')
    expect(rest.join('\n')).toContain('breaker open')
  })

  it('says that it waits before there are two readings', () => {
    expect(renderView(undefined, OPTIONS).join('\n')).toContain('waiting for a second reading')
  })
})

it('renderLine tells a sample in one line', () => {
  expect(renderLine(SAMPLE)).toBe(
    '03:04:05  calls 150,000,090/s  errors 90.0/s  slowest p99 –  queued 8,192  in flight 4  breaker open  trouble 17.0/s',
  )
})
