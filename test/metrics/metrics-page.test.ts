import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { grafanaDashboard } from '../../lib/metrics/grafana-dashboard.ts'
import { createMetrics } from '../../lib/metrics/index.ts'
import { metricsPage } from '../../lib/metrics/metrics-page.ts'

const METRICS = Object.values(createMetrics(undefined))

function documentOf(name: string): string {
  return readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8')
}

describe('docs/metrics.md', () => {
  it('is current', () => {
    expect(documentOf('metrics.md')).toBe(metricsPage())
  })

  it('has a row for every metric, with every label', () => {
    const page = metricsPage()
    for (const { name, labels } of METRICS) {
      const row = page.split('\n').find(line => line.startsWith(`| \`${name}\``)) ?? ''
      expect([name, row]).toEqual([name, expect.stringContaining(name)])
      for (const label of Object.keys(labels)) expect(row).toContain(`\`${label}\`: `)
    }
  })
})

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
}

describe('docs/grafana-dashboard.json', () => {
  const { panels } = JSON.parse(grafanaDashboard()) as { panels: Panel[] }

  it('is current', () => {
    expect(documentOf('grafana-dashboard.json')).toBe(grafanaDashboard())
  })

  it('asks for every metric, and for no series that the store does not have', () => {
    const asked = panels
      .flatMap(panel => panel.targets ?? [])
      .flatMap(({ expr }) => expr.match(/utxo_store_\w+/g) ?? [])
    const series = METRICS.flatMap(({ name, type }) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    )
    expect(asked.filter(name => !series.includes(name))).toEqual([])
    expect(METRICS.filter(({ name }) => !asked.some(each => each.startsWith(name)))).toEqual([])
  })

  it('tells the series of a panel apart by the labels of its metric', () => {
    const legends = new Map(
      panels.flatMap(panel => panel.targets ?? []).map(target => [target.expr, target.legendFormat]),
    )
    for (const { name, labels } of METRICS) {
      const [, legend] = [...legends].find(([expr, text]) => expr.includes(name) && text !== '') ?? []
      for (const label of Object.keys(labels)) expect(legend).toContain(`{{${label}}}`)
    }
  })

  it('lays its panels out inside the grid, none over another', () => {
    const cells = new Set<string>()
    for (const { gridPos } of panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(cells.has(`${x},${y}`)).toBe(false)
          cells.add(`${x},${y}`)
        }
    }
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
  })
})
