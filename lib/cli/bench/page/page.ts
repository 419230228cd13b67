import { seconds } from '../format.ts'
import type { Report } from '../report.ts'
import { operationsOf } from '../table.ts'
import { html } from './markup.ts'
import {
  comparisons,
  headFacts,
  latencySections,
  memorySection,
  operationSection,
  overview,
  type Subjects,
  soakSection,
} from './sections.ts'
import { SERIES_COLOURS, STYLE } from './style.ts'

/** The report as one page that needs nothing else: charts are drawn into it, and it runs no script. */
export function reportPage(report: Report): string {
  const subjects: Subjects = new Map(
    report.subjects.map(({ id, title }, index) => [id, { title, series: index % SERIES_COLOURS }]),
  )
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>utxo-store bench, ${report.startedAt.slice(0, 10)}</title>
<style>${STYLE}</style>
</head>
<body><main>
<header>
<h1>utxo-store bench</h1>
<p class="quiet">${report.package} on ${report.server.url}, ${report.startedAt.slice(0, 16).replace('T', ' ')} UTC, took ${seconds(report.seconds)}</p>
${report.interrupted ? html`<p class="warn">Interrupted: these are the figures so far.</p>` : ''}
${report.failure === null ? '' : html`<p class="warn">Failed, these are the figures so far: ${report.failure}</p>`}
${report.unavailable.map(({ subject, reason }) => html`<p class="warn">Not measured: ${subject}: ${reason}</p>`)}
${headFacts(report)}
</header>
${overview(report, subjects)}
${operationsOf(report).map(operation => operationSection(report, operation, subjects))}
${comparisons(report, subjects)}
${latencySections(report, subjects)}
${memorySection(report, subjects)}
${report.soaks.map(soak => soakSection(soak, subjects))}
<footer>
<p>Throughput, processor time and percentiles are medians of the rounds, the whiskers their range, the largest latency that of all rounds. All subjects do an operation one after the other in each round, so that drift of the machine meets them alike, each in a process of its own. Each answer was checked.</p>
<p>Made by <code>utxo-store bench --html</code>, report format ${report.schemaVersion}.</p>
</footer>
</main></body>
</html>
`
  return page.text
}
