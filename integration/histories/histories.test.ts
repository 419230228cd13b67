import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { type EmbeddedServerHandle, startEmbeddedServer } from 'aerospike-utxo-store/embedded'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { ClusterFaults } from './cluster-faults.ts'
import { type EpochReport, runEpoch } from './epoch.ts'
import { Random } from './random.ts'

/**
 * One epoch of random concurrent calls, checked afterwards: on a cluster of three embedded nodes, or on a given
 * server. A short one here; scripts/histories.js makes many, each in a process of its own, and sets the variables.
 */

const OPERATIONS = Number(process.env.UTXO_HISTORY_OPERATIONS ?? 5_000)
const SEED = Number(process.env.UTXO_HISTORY_SEED ?? 1)
/** The nodes break as well. Not in the normal suite: the npm client 6.7.1 crashes now and then (SIGSEGV) on it. */
const HAS_CLUSTER_FAULTS = process.env.UTXO_HISTORY_FAULTS === 'cluster'
/** A file that the counts and violations are written to. */
const REPORT_FILE = process.env.UTXO_HISTORY_REPORT
const PROGRESS_EVERY = 1_000
const NODES = 3
const TRACES_SHOWN = 3
/** From so many calls on every outcome that is expected turns up. */
const OPERATIONS_FOR_ALL_PATHS = 5_000

let cluster: EmbeddedServerHandle | undefined
let server: TestServer

beforeAll(async () => {
  if ((process.env.UTXO_TEST_SERVER ?? 'embedded') !== 'embedded') server = await testServer()
  else {
    cluster = await startEmbeddedServer({ nodes: NODES, faultSeed: SEED })
    const { host, port } = cluster
    server = {
      kind: 'embedded',
      host,
      port,
      namespace: 'test',
      close: () => Promise.resolve(cluster?.close()),
    }
  }
})
afterAll(() => server.close())

it(
  `no history of ${OPERATIONS} calls breaks a promise (seed ${SEED})`,
  async () => {
    const faults = cluster && HAS_CLUSTER_FAULTS ? new ClusterFaults(cluster, new Random(SEED)) : undefined
    const set = uniqueSet('history')
    const report = await runEpoch({
      seed: SEED,
      operations: OPERATIONS,
      url: storeUrl(server, { set }),
      set,
      clusterFaults: faults,
      onProgress: done => {
        if (REPORT_FILE !== undefined && done % PROGRESS_EVERY === 0) process.stderr.write(`${done} calls\n`)
      },
    })
    if (REPORT_FILE !== undefined) writeFileSync(REPORT_FILE, JSON.stringify(asJson(report, faults)))
    expect(textOf(report)).toBe('')
    if (OPERATIONS < OPERATIONS_FOR_ALL_PATHS) return
    const untaken = PATHS_TO_TAKE.filter(path => !report.outcomes.has(path))
    expect(untaken).toEqual([])
  },
  120_000 + OPERATIONS * 60,
)

/** Outcomes that a run without would not have tested. */
const PATHS_TO_TAKE = [
  'create ok',
  'create TX_EXISTS',
  'spend ok',
  'spend UTXO_ERROR',
  'spend CONTEXT_CANCELED',
  'unspend ok',
  'setMined ok',
  'setLocked ok',
  'get ok',
  'get TX_NOT_FOUND',
]

/** What scripts/histories.js adds up. */
function asJson(report: EpochReport, faults: ClusterFaults | undefined): unknown {
  const { operations, outcomes, batches, rollbacks, violations, traces } = report
  return {
    operations,
    outcomes: Object.fromEntries(outcomes),
    batches: Object.fromEntries(batches),
    rollbacks: Object.fromEntries(rollbacks),
    nodeFaults: Object.fromEntries(faults?.counts ?? []),
    nodeRepairs: faults?.repairs ?? 0,
    violations,
    traces: traces.slice(0, TRACES_SHOWN),
  }
}

function textOf({ violations, traces }: EpochReport): string {
  if (violations.length === 0) return ''
  return `seed ${SEED}: ${violations.length} violations\n${traces.slice(0, TRACES_SHOWN).join('\n\n')}`
}
