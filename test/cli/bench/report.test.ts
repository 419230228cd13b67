import { describe, expect, it } from '@jest/globals'
import { ratiosOf } from '../../../lib/cli/bench/figures.ts'
import { latencyChart } from '../../../lib/cli/bench/page/latency-chart.ts'
import { reportPage } from '../../../lib/cli/bench/page/page.ts'
import type { Report } from '../../../lib/cli/bench/report.ts'
import { reportText } from '../../../lib/cli/bench/table.ts'
import { sampleFigure, sampleReport } from './sample-report.ts'

const SOAK = {
  subject: 'store-wire',
  operations: 300_000,
  seconds: 30,
  operationsPerSecond: 10_000,
  samples: [1, 2, 3].map(part => ({
    operations: part * 100_000,
    seconds: part * 10,
    heapUsedBytes: 14 * 2 ** 20,
    rssBytes: 200 * 2 ** 20,
  })),
  heapSlopeBytesPerMillion: 512,
  rssSlopeBytesPerMillion: -2048,
}

const EMPTY: Partial<Report> = { figures: [], ratios: [], memory: [], loneCalls: [], halfLoad: [] }

describe('ratios', () => {
  it('compare rounds with each other, so that a machine that slows down does not count', () => {
    const slowing = (rates: number[]) => ({ recordsPerSecondByRound: rates })
    const figures = [
      sampleFigure({ subject: 'store-wire', ...slowing([400, 200, 100]) }),
      sampleFigure({ subject: 'npm-batches', ...slowing([100, 50, 25]) }),
    ]
    expect(ratiosOf(figures)).toEqual([
      { operation: 'create', subject: 'store-wire', of: 'npm-batches', recordsPerSecond: 4, clientCpu: 1 },
    ])
  })

  it('compare only what does the same', () => {
    const figures = [sampleFigure(), sampleFigure({ subject: 'bare-wire', operation: 'get' })]
    expect(ratiosOf(figures)).toEqual([])
  })
})

describe('text', () => {
  it('shows each figure of the report', () => {
    const text = reportText(sampleReport({ soaks: [SOAK] }))
    expect(text).toMatch(
      /store, wire transport +120,000 +±9 % +21\.4 +27 +31\.2 +44 +8\.1 +3\.9 +client CPU bound/,
    )
    expect(text).toMatch(/create +store, wire transport +4\.30 +0\.22 +of store, client transport/)
    expect(text).toMatch(/create +5\.4 +6\.8 +5 \+ 0\.25/)
    expect(text).toMatch(/create +60,000 +6 +9\.9 +14 +3\.2 +2 % +15\.8 kept/)
    expect(text).toContain('+512 bytes per million operations')
    expect(text).toContain('-2 KiB per million operations')
    expect(text).toMatch(/store, wire transport +14\.1 +14\.2 +200 +204/)
    expect(text).toContain('node options: --max-semi-space-size=128')
  })

  it('says what is missing: the server, a transport, and the rest of an interrupted run', () => {
    const text = reportText(
      sampleReport({
        figures: [sampleFigure({ serverCpuMicroseconds: null })],
        unavailable: [{ subject: 'store-wire', reason: 'not in this version' }],
        interrupted: true,
        failure: 'the cluster is gone',
      }),
    )
    expect(text).toMatch(/8\.1 +– +client CPU bound/)
    expect(text).toContain('not measured: store-wire: not in this version')
    expect(text).toContain('interrupted: these are the figures so far')
    expect(text).toContain('failed, these are the figures so far: the cluster is gone')
  })

  it('a run without options for node says so', () => {
    const { parameters } = sampleReport()
    const report = sampleReport({ parameters: { ...parameters, nodeOptions: '' } })
    expect(reportText(report)).toContain('node options: none')
    expect(reportPage(report)).toContain('node options: none')
  })

  it('a p99 above its bound is told', () => {
    const [half] = sampleReport().halfLoad
    if (half === undefined) throw new Error('the sample has one')
    const text = reportText(sampleReport({ halfLoad: [{ ...half, p99BoundMs: 9 }] }))
    expect(text).toMatch(/9 exceeded/)
  })

  it('tells how much the host took beside a latency, where that is known', () => {
    const [half] = sampleReport().halfLoad
    if (half === undefined) throw new Error('the sample has one')
    for (const [stolenShare, told] of [
      [0.024, '2 %'],
      [null, '-'],
    ] as const) {
      const report = sampleReport({ ...EMPTY, halfLoad: [{ ...half, stolenShare }] })
      expect(reportText(report).split('\n').at(-1)).toMatch(new RegExp(`3\\.2 +${told} +15\\.8 kept$`))
      expect(reportPage(report)).toContain('taken by the host')
    }
  })

  it('of a run without any figures has a head', () => {
    expect(reportText(sampleReport(EMPTY)).split('\n')).toHaveLength(4)
  })
})

describe('page', () => {
  it('escapes whatever is not its own', () => {
    const hostile = '<img src=x onerror=alert(1)>"\'&'
    const page = reportPage(
      sampleReport({
        unavailable: [{ subject: hostile, reason: hostile }],
        failure: hostile,
        subjects: [{ id: 'store-wire', title: hostile, kind: 'store', transport: 'wire' }],
        figures: [sampleFigure({ limit: { kind: 'client', text: hostile } })],
      }),
    )
    expect(page).not.toContain('<img')
    expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;')
  })

  it('loads nothing and runs nothing', () => {
    const page = reportPage(sampleReport({ soaks: [SOAK] }))
    expect(page).not.toMatch(/<script|<link|src=|href=|url\(|@import/)
  })

  it('draws every figure, and no number that is none', () => {
    const page = reportPage(sampleReport({ soaks: [SOAK] }))
    for (const text of [
      '120,000',
      '8.1 + 3.9',
      '4.30 ×',
      '15.8 kept',
      '>3.2<',
      '+512 bytes',
      '31.2',
      '14.2',
      '--max-semi-space-size=128',
    ])
      expect(page).toContain(text)
    expect(page).not.toMatch(/NaN|undefined|Infinity|\[object/)
  })

  it('begins with records per second by operation and subject, where there is more than one operation', () => {
    const figures = [
      sampleFigure(),
      sampleFigure({
        operation: 'get',
        subject: 'store-client',
        recordsPerSecond: { median: 77_000, min: 1, max: 2 },
      }),
    ]
    const [, glance = ''] =
      /At a glance([\s\S]*?)<\/section>/.exec(reportPage(sampleReport({ figures }))) ?? []
    const cells = [...glance.matchAll(/<td[^>]*>([^<]*)</g)].map(([, cell]) => cell)
    expect(cells).toEqual(['create', '–', '120,000', 'get', '77,000', '–'])
    expect(reportPage(sampleReport())).not.toContain('At a glance')
  })

  it('has both grounds', () => {
    expect(reportPage(sampleReport())).toContain('prefers-color-scheme: dark')
  })

  it('of a run without any figures is a page', () => {
    const page = reportPage(sampleReport(EMPTY))
    expect(page).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/)
    expect(page).not.toMatch(/NaN|undefined|Infinity/)
  })
})

describe('the axis of latencies', () => {
  const ticksOf = (...values: number[]): string[] => {
    const rows = values.map(value => ({
      series: 0,
      latencyMs: { p50: value, p90: value, p99: value, max: value },
    }))
    return [...latencyChart('Latency', rows).text.matchAll(/>([\d.,]+) ms<\/text>/g)].map(
      ([, tick = '']) => tick,
    )
  }

  it.each<[number[], string[]]>([
    [
      [340, 700],
      ['200', '500', '1,000'],
    ],
    [[5], ['5', '10']],
    [
      [1, 900],
      ['1', '10', '100', '1,000'],
    ],
    [
      [0.002, 0.3],
      ['0.01', '0.1'],
    ],
  ])('of %j has the steps around them, and no more than fit', (values, ticks) => {
    expect(ticksOf(...values)).toEqual(ticks)
  })

  it('of nothing is drawn all the same', () => {
    expect(latencyChart('Latency', []).text).not.toMatch(/NaN|Infinity/)
  })
})
