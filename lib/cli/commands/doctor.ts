import { diagnose, type Finding, type FindingLevel } from '../../index.ts'
import { ReportedFailure } from '../failure.ts'
import { interruption } from '../interruption.ts'
import type { Output } from '../output.ts'

export interface DoctorOptions {
  store: string
  fix?: boolean
}

const SIGNS: Readonly<Record<FindingLevel, string>> = { ok: 'OK  ', warning: 'WARN', failure: 'FAIL' }

/** Prints one line for each check, with what to do below those that are not well. */
export async function doctor({ store, fix = false }: DoctorOptions, output: Output): Promise<void> {
  using interrupted = interruption()
  const findings = await diagnose(store, { fix, signal: interrupted.signal })
  const counts = countByLevel(findings)
  output.result({ healthy: counts.failure === 0, ...counts, findings }, report(findings, counts))
  if (counts.failure > 0) throw new ReportedFailure(`${plural(counts.failure, 'check')} failed.`)
}

type Counts = Readonly<Record<FindingLevel, number>>

function countByLevel(findings: readonly Finding[]): Counts {
  const count = (level: FindingLevel): number => findings.filter(finding => finding.level === level).length
  return { ok: count('ok'), warning: count('warning'), failure: count('failure') }
}

function report(findings: readonly Finding[], counts: Counts): string {
  const width = Math.max(...findings.map(({ check }) => check.length))
  const indent = ' '.repeat(SIGNS.ok.length + width + 4)
  const lines = findings.flatMap(({ check, level, message, mend }) => [
    `${SIGNS[level]}  ${check.padEnd(width)}  ${message}`,
    ...(mend === undefined ? [] : [`${indent}→ ${mend}`]),
  ])
  return [
    ...lines,
    '',
    `${counts.ok} fine, ${plural(counts.warning, 'warning')}, ${plural(counts.failure, 'failure')}`,
  ].join('\n')
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
