import { writeFile } from 'node:fs/promises'
import { messageOf } from '../../errors/index.ts'
import type { BenchOptions } from '../bench/options.ts'
import { reportPage } from '../bench/page/page.ts'
import { runBench } from '../bench/run.ts'
import { reportText } from '../bench/table.ts'
import { ReportedFailure, UsageError } from '../failure.ts'
import type { Output } from '../output.ts'

const ENDING = ['SIGINT', 'SIGTERM'] as const

/** Measures the public API, and prints the report; a signal ends the measuring, not the report. */
export async function bench(options: BenchOptions, output: Output): Promise<void> {
  const { html } = options
  // Found out now, not after minutes of measuring.
  if (html !== undefined) await writePage(html, '')
  const stopping = new AbortController()
  const stop = (): void => {
    output.note('stopping; once more kills')
    stopping.abort()
  }
  for (const name of ENDING) process.once(name, stop)
  try {
    const report = await runBench(options, stopping.signal, output)
    if (html !== undefined) await writePage(html, reportPage(report))
    output.result(report, reportText(report))
    if (html !== undefined) output.note(`the page is ${html}`)
    if (report.failure !== null) throw new ReportedFailure(report.failure)
  } finally {
    for (const name of ENDING) process.off(name, stop)
  }
}

async function writePage(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text)
  } catch (error) {
    throw new UsageError(`--html ${path} cannot be written: ${messageOf(error)}.`)
  }
}
