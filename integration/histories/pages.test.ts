import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { removeIndexes } from '../servers/remove-indexes.ts'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { type PageEpochReport, REMOVAL_COMPLETED, runPageEpoch } from './pages/page-epoch.ts'

/**
 * One epoch of random calls on transactions of several records with external bodies, by stores that die at any
 * batch of a creation or a removal, with a pruner at work. scripts/histories.js --kind pages makes many.
 */

const IS_LONG = process.env.UTXO_HISTORY_OPERATIONS !== undefined
/**
 * In the normal suite at most: it ends when every repair was made, after two to four thousand on an idle machine.
 * One that is busy with other tests has needed more than eight thousand.
 */
const OPERATIONS = Number(process.env.UTXO_HISTORY_OPERATIONS ?? 30_000)
const SEED = Number(process.env.UTXO_HISTORY_SEED ?? 1)
/** A file that the counts and violations are written to. */
const REPORT_FILE = process.env.UTXO_HISTORY_REPORT
const PROGRESS_EVERY = 1_000
const TRACES_SHOWN = 3

const set = uniqueSet('page-history')
const folder = mkdtempSync(join(tmpdir(), 'page-history-'))
let server: TestServer

beforeAll(async () => {
  server = await testServer()
})
afterAll(async () => {
  await removeIndexes(server, [set, `${set}_pruneintent`])
  await server.close()
  rmSync(folder, { recursive: true })
})

it(
  `no store that dies in up to ${OPERATIONS} calls leaves half a transaction (seed ${SEED})`,
  async () => {
    const report = await runPageEpoch({
      seed: SEED,
      operations: OPERATIONS,
      url: storeUrl(server, { set, externalStore: `file://${folder}` }),
      set,
      folder,
      untilRepaired: IS_LONG ? undefined : REPAIRS_TO_SEE,
      onProgress: done => {
        if (REPORT_FILE !== undefined && done % PROGRESS_EVERY === 0) process.stderr.write(`${done} calls\n`)
      },
      onReport: report => {
        if (REPORT_FILE !== undefined) writeFileSync(REPORT_FILE, JSON.stringify(asJson(report)))
      },
    })
    expect(textOf(report)).toBe('')
    if (IS_LONG) return
    expect(REPAIRS_TO_SEE.filter(repair => !report.repairs.has(repair))).toEqual([])
  },
  120_000 + OPERATIONS * 60,
)

/** A run without one of them would not have tested it; scripts/histories.js asks for them over all epochs. */
const REPAIRS_TO_SEE = [
  'marks, by create',
  'marks, by spend',
  'marks, by setMined',
  'pages without a master, by create',
  REMOVAL_COMPLETED,
]

function asJson(report: PageEpochReport): unknown {
  const { outcomes, deaths, repairs, pruned, excused, traces } = report
  const counts = Object.entries({ outcomes, deaths, repairs, pruned, excused })
  return {
    ...report,
    repairsToSee: REPAIRS_TO_SEE,
    ...Object.fromEntries(counts.map(([kind, map]) => [kind, Object.fromEntries(map)])),
    traces: traces.slice(0, TRACES_SHOWN),
  }
}

function textOf({ violations, traces }: PageEpochReport): string {
  if (violations.length === 0) return ''
  return `seed ${SEED}: ${violations.length} violations\n${traces.slice(0, TRACES_SHOWN).join('\n\n')}`
}
