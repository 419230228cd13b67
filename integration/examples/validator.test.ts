import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from '@jest/globals'
import { storeUrl, type TestServer, testServer } from '../servers/server.ts'
import { startMockCluster } from '../tx-meta/mock-cluster.ts'

const run = promisify(execFile)
const FOLDER = fileURLToPath(new URL('../../examples/', import.meta.url))
const PROGRAM = `${FOLDER}validator/main.js`
/** A creation that is cut off may have to wait for the expiry of its lock. */
const RUN_MS = 190_000
/** UTXO_VALIDATOR_SEEDS=20 runs so many, each with more blocks and more kills. */
const LONG_SEEDS = Number(process.env.UTXO_VALIDATOR_SEEDS ?? 0)

interface Ended {
  /** The lines that have to be the same in every run. */
  readonly state: string
  readonly kills: number
}

async function ended(args: readonly string[]): Promise<Ended> {
  const { stdout } = await run(process.execPath, [PROGRAM, ...args], { timeout: RUN_MS })
  const [, validator, reader] = /^killed +validator (\d+) times, reader (\d+) times$/m.exec(stdout) ?? []
  const state = stdout.split('\n').filter(line => /^(height|records|subtrees|reader) /.test(line))
  return { state: state.join('\n'), kills: Number(validator) + Number(reader) }
}

/** As `ended`, with the server of the tests. */
async function endedOn(server: TestServer, args: readonly string[]): Promise<Ended> {
  const bodies = await mkdtemp(join(tmpdir(), 'bodies-'))
  try {
    return await ended([storeUrl(server, { externalStore: pathToFileURL(bodies).href }), ...args])
  } finally {
    await server.close()
    await rm(bodies, { recursive: true })
  }
}

const SHORT = ['--sample-only', '--blocks', '4']
/** With this seed the reader is killed first, and then the validator. More seeds: UTXO_VALIDATOR_SEEDS. */
const KILLED = [...SHORT, '--kills', '2', '--seed', '1']

const cluster = await startMockCluster()
const onKafka = cluster === undefined ? it.skip : it
const whyNot = cluster === undefined ? ' (skipped: node-rdkafka is not installed)' : ''
afterAll(() => cluster?.stop())

let undisturbed: Promise<Ended> | undefined
/** Run once, whichever test comes first. */
function endedUndisturbed(): Promise<Ended> {
  undisturbed ??= ended(SHORT)
  return undisturbed
}

describe('the validator of the examples', () => {
  it(
    'replays samples and real blocks, and every process has what it is to have',
    async () => {
      const { state, kills } = await endedOn(await testServer(), ['--blocks', '2'])
      expect(kills).toBe(0)
      expect(state).toMatch(
        new RegExp(
          [
            '^height +1003',
            'records +(\\d+) of \\1 in the set, 0 inconsistent, [0-9a-f]{64}',
            'subtrees +8 files, [0-9a-f]{64}',
            'reader +\\d+ answers, 42 cached, [0-9a-f]{64}$',
          ].join('\n'),
        ),
      )
    },
    RUN_MS,
  )

  it(
    'ends in the same state when it is killed at random and started again',
    async () => {
      // Two at a time: each has four processes.
      const [{ state }, killed] = await Promise.all([endedUndisturbed(), ended(KILLED)])
      expect(state).toContain('height    1003\n')
      expect(killed).toEqual({ kills: 2, state })
    },
    2 * RUN_MS,
  )

  onKafka(
    `ends in the same state with the feed on Kafka, killed and started again${whyNot}`,
    async () => {
      const onBrokers = [...KILLED, '--kafka', cluster?.brokers.join() ?? '']
      const [{ state }, killed] = await Promise.all([endedUndisturbed(), ended(onBrokers)])
      expect(killed).toEqual({ kills: 2, state })
    },
    2 * RUN_MS,
  )

  it('is told of in the README', () => {
    expect(readFileSync(`${FOLDER}README.md`, 'utf8')).toContain('](validator/main.js)')
  })
})

const longRuns = LONG_SEEDS > 0 ? describe : describe.skip
longRuns('for long, which UTXO_VALIDATOR_SEEDS asks for', () => {
  it(
    'ends in the same state with each seed',
    async () => {
      const undisturbed = await ended([])
      for (let seed = 1; seed <= LONG_SEEDS; seed++) {
        const { state } = await ended(['--kills', '6', '--seed', String(seed)])
        expect([seed, state]).toEqual([seed, undisturbed.state])
      }
    },
    LONG_SEEDS * RUN_MS + RUN_MS,
  )
})
