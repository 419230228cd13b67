import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { type EmbeddedServerHandle, startEmbeddedServer } from 'aerospike-utxo-store/embedded'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { ClusterFaults } from './cluster-faults.ts'
import { type EpochReport, runEpoch } from './epoch.ts'
import { Random } from './random.ts'

/**
 * Random concurrent histories, checked afterwards: on a cluster of three embedded nodes that break, or on a
 * given server. A short run here; `npm run test:histories -- --operations N --seed S` makes a long one.
 */

const IS_LONG = process.env.UTXO_HISTORY_OPERATIONS !== undefined
const OPERATIONS = Number(process.env.UTXO_HISTORY_OPERATIONS ?? 5_000)
const SEED = Number(process.env.UTXO_HISTORY_SEED ?? 1)
const OPERATIONS_PER_EPOCH = 20_000
const PROGRESS_EVERY = 1_000
const NODES = 3
const TRACES_SHOWN = 3

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
    // In long runs only: the npm client 6.7.1 crashes now and then (SIGSEGV) when nodes come and go.
    const faults = cluster && IS_LONG ? new ClusterFaults(cluster, new Random(SEED)) : undefined
    const outcomes = new Map<string, number>()
    for (let done = 0, seed = SEED; done < OPERATIONS; seed++) {
      const before = done
      const set = uniqueSet('history')
      const report = await runEpoch({
        seed,
        operations: Math.min(OPERATIONS_PER_EPOCH, OPERATIONS - done),
        url: storeUrl(server, { set }),
        set,
        clusterFaults: faults,
        onProgress: now => {
          if (now % PROGRESS_EVERY === 0) show(`\r${before + now} of ${OPERATIONS} calls, seed ${seed} `)
        },
      })
      done += report.operations
      for (const [outcome, count] of report.outcomes) {
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + count)
      }
      expect(textOf(report, seed)).toBe('')
    }
    show(
      `\n${tableOf(outcomes)}\n${faults === undefined ? '' : `faults of nodes: ${tableOf(faults.counts)}\n`}`,
    )
    for (const path of PATHS_TO_TAKE) expect([path, outcomes.get(path) ?? 0]).not.toEqual([path, 0])
  },
  60_000 + OPERATIONS * 20,
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

function show(text: string): void {
  process.stderr.write(text)
}

function tableOf(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .sort()
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
}

function textOf({ violations, traces }: EpochReport, seed: number): string {
  if (violations.length === 0) return ''
  return `seed ${seed}: ${violations.length} violations\n${traces.slice(0, TRACES_SHOWN).join('\n\n')}`
}
