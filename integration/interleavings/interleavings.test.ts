import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { removeIndexes } from '../servers/remove-indexes.ts'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import type { Exploration, Theatre } from './explore.ts'
import type { Preparation } from './scenario.ts'
import { FAULTS } from './schedule.ts'

/**
 * Stores that meet in one place, row by row in many orders: what must hold in all of them. scripts/interleavings.js plays
 * more.
 */

const SCHEDULES = Number(process.env.UTXO_INTERLEAVING_SCHEDULES ?? 20)
const SEED = Number(process.env.UTXO_INTERLEAVING_SEED ?? 1)

/** About one order in a hundred meets one; of few orders it may be more. */
const KNOWN_SHARE_MAX = 0.05
const KNOWN_MIN = 10

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

const SCENARIOS: Readonly<Record<string, Preparation>> = {
  ...SPENDING,
  ...PAGES,
  ...PRUNING,
  ...FREEZING,
  ...CONFLICTS,
}

describe.each(FAULTS)('with %s', fault => {
  const explored: Exploration[] = []

  it.each(Object.entries(SCENARIOS))(
    '%s',
    async (scenario, prepare) => {
      const exploration = await theatre.explore({
        scenario,
        prepare,
        fault,
        schedules: SCHEDULES,
        seed: SEED,
      })
      explored.push(exploration)
      expect(textOf(exploration)).toBe('')
    },
    60_000 + SCHEDULES * 1_000,
  )

  it('in many orders, of which many have met the fault', () => {
    const sum = (count: (exploration: Exploration) => number): number =>
      explored.reduce((total, exploration) => total + count(exploration), 0)
    const schedules = sum(exploration => exploration.schedules)
    expect(sum(({ distinct }) => distinct)).toBeGreaterThan(schedules / 2)
    const withFault = sum(exploration => exploration.withFault)
    if (fault === 'none') expect(withFault).toBe(0)
    else expect(withFault).toBeGreaterThan(schedules / 4)
  })

  it('with few of the exceptions that are known: one that covered everything would be seen', () => {
    const counts = new Map<string, number>()
    for (const { known } of explored)
      for (const [rule, count] of known) counts.set(rule, (counts.get(rule) ?? 0) + count)
    const schedules = explored.reduce((total, exploration) => total + exploration.schedules, 0)
    const limit = Math.max(KNOWN_MIN, schedules * KNOWN_SHARE_MAX)
    expect([...counts].filter(([, count]) => count > limit)).toEqual([])
  })
})
