import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { removeIndexes } from '../servers/remove-indexes.ts'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import type { Theatre } from './explore.ts'
import type { Preparation } from './scenario.ts'
import { FAULTS } from './schedule.ts'

/** Stores that meet in one place, row by row in many orders: what must hold in all of them. */

const SCHEDULES = Number(process.env.UTXO_INTERLEAVINGS ?? 12)
const SEED = Number(process.env.UTXO_INTERLEAVING_SEED ?? 1)

// What a store waits for is its turn, not the clock.
const timers = await import('node:timers/promises')
jest.unstable_mockModule('node:timers/promises', () => ({
  ...timers,
  setTimeout: (_ms: number, value: unknown, options?: { signal?: AbortSignal }) =>
    timers.setImmediate(value, options),
}))
const { textOf, Theatre: TheatreOfMock } = await import('./explore.ts')
const { SPENDING } = await import('./scenarios/spending.ts')
const { CONFLICTS } = await import('./scenarios/conflicts.ts')
const { FREEZING } = await import('./scenarios/freezing.ts')
const { PAGES } = await import('./scenarios/pages.ts')
const { PRUNING } = await import('./scenarios/pruning.ts')

const set = uniqueSet('interleavings')
const folder = mkdtempSync(join(tmpdir(), 'interleavings-'))
let server: TestServer
let theatre: Theatre

beforeAll(async () => {
  server = await testServer()
  theatre = await TheatreOfMock.open(storeUrl(server, { set, externalStore: `file://${folder}` }), set)
})
afterAll(async () => {
  await theatre.close()
  await removeIndexes(server, [set, `${set}_pruneintent`])
  await server.close()
  rmSync(folder, { recursive: true })
})

describe.each(FAULTS)('with %s', fault => {
  const scenarios: Readonly<Record<string, Preparation>> = {
    ...SPENDING,
    ...PAGES,
    ...PRUNING,
    ...FREEZING,
    ...CONFLICTS,
  }
  it.each(Object.entries(scenarios))(
    '%s',
    async (scenario, prepare) => {
      const exploration = await theatre.explore({
        scenario,
        prepare,
        fault,
        schedules: SCHEDULES,
        seed: SEED,
      })
      if (process.env.IL)
        process.stderr.write(
          `${scenario} ${fault} ${exploration.distinct} ${exploration.withFault} ${[...exploration.known]}\n`,
        )
      expect(textOf(exploration)).toBe('')
    },
    60_000 + SCHEDULES * 1_000,
  )
})
