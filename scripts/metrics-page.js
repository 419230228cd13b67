// Writes docs/metrics.md and docs/grafana-dashboard.json from the metric definitions, so that neither can drift:
// node scripts/metrics-page.js. With --check it only tells whether they are current (the unit tests do the same).
import { readFileSync, writeFileSync } from 'node:fs'
import { grafanaDashboard } from '../dist/metrics/grafana-dashboard.js'
import { metricsPage } from '../dist/metrics/metrics-page.js'

const FILES = { 'metrics.md': metricsPage(), 'grafana-dashboard.json': grafanaDashboard() }

for (const [name, text] of Object.entries(FILES)) {
  const path = new URL(`../docs/${name}`, import.meta.url)
  if (!process.argv.includes('--check')) writeFileSync(path, text)
  else if (readFileSync(path, 'utf8') !== text) {
    console.error(`docs/${name} is not current: run node scripts/metrics-page.js`)
    process.exitCode = 1
  }
}
