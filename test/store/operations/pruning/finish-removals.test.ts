import { describe, expect, it } from '@jest/globals'
import { MemoryStore } from '../../../../lib/external/index.ts'
import { pruneIntentSet } from '../../../../lib/store/context/prune-intent-set.ts'
import { completeRemovals } from '../../../../lib/store/operations/pruning/complete-removals.ts'
import { finishRemovals } from '../../../../lib/store/operations/pruning/finish-removals.ts'
import { newRun } from '../../../../lib/store/operations/pruning/prune-run.ts'
import {
  bytes32,
  contextWith,
  type Script,
  ScriptedTransport,
  scriptedQueries,
} from '../../support/store-fixture.ts'

const HEX = '01'.repeat(32)
const MASTER_GONE: Script = row => (row.kind === 'read' ? { status: 2 } : {})

async function setUp(script: Script = MASTER_GONE, startedAt = Date.now()) {
  const transport = new ScriptedTransport(script)
  const external = new MemoryStore()
  await external.set(HEX, 'tx', bytes32(0))
  const bins = { txID: bytes32(1), pages: 5_000, prunedAt: 10, startedAt }
  const queries = scriptedQueries([
    { digest: bytes32(1), bins },
    // No intent: passed over.
    { digest: bytes32(2), bins: { txID: 'x' } },
  ])
  const run = newRun(contextWith(transport, {}, { external, queries }), 20)
  const has = async () => (await external.get(HEX, 'tx')) !== undefined
  const endedIntents = () =>
    transport.batches.flat().filter(({ kind, key }) => kind === 'remove' && key.set === 'utxo_pruneintent')
      .length
  const locks = () =>
    transport.batches.flat().filter(({ kind, filter }) => kind === 'remove' && filter !== undefined).length
  return { transport, run, has, endedIntents, locks }
}

describe('a removal that was interrupted', () => {
  it('is completed, its pages in batches', async () => {
    const { run, transport, has, endedIntents, locks } = await setUp()
    await completeRemovals(run, undefined)
    expect(run.counts).toMatchObject({
      removalsCompleted: 1,
      removalsLeft: 0,
      pagesRemoved: 5_000,
      bodiesRemoved: 1,
    })
    expect([await has(), endedIntents(), locks()]).toEqual([false, 1, 1])
    expect(Math.max(...transport.batches.map(rows => rows.length))).toBeLessThanOrEqual(1_024)
  })

  it('is left while somebody holds the lock', async () => {
    const { run, has, endedIntents } = await setUp((row, index) =>
      row.kind === 'write' ? { status: 5 } : MASTER_GONE(row, index),
    )
    await completeRemovals(run, undefined)
    expect(run.counts).toMatchObject({ removalsCompleted: 0, removalsLeft: 1 })
    expect([await has(), endedIntents()]).toEqual([true, 0])
  })

  it.each([
    ['young', Date.now(), 0],
    ['two hours old', Date.now() - 7_200_000, 1],
  ])(
    'whose master is there touches nothing; the intent, %s, is forgotten in time',
    async (_, startedAt, ended) => {
      const { run, has, endedIntents, transport } = await setUp(() => ({}), startedAt)
      await completeRemovals(run, undefined)
      expect(run.counts).toMatchObject({ removalsCompleted: 0, pagesRemoved: 0, bodiesRemoved: 0 })
      expect([await has(), endedIntents()]).toEqual([true, ended])
      expect(transport.batches.flat().filter(({ kind }) => kind === 'remove').length).toBe(ended + 1)
    },
  )

  it('keeps body and intent where a page cannot be removed', async () => {
    const { run, has, endedIntents } = await setUp((row, index) =>
      row.kind === 'remove' && (row.key.userKey as Uint8Array)[32] === 7
        ? { status: 18 }
        : MASTER_GONE(row, index),
    )
    await completeRemovals(run, undefined)
    expect(run.counts).toMatchObject({ removalsCompleted: 0, removalsLeft: 1, bodiesRemoved: 0 })
    expect([await has(), endedIntents()]).toEqual([true, 0])
  })
})

it('nothing is removed under a lock that may have expired: a creator may hold the next', async () => {
  const { run, has } = await setUp()
  const lock = { txid: bytes32(1), token: 'x', heldUntilMs: performance.now() - 1 }
  expect(await finishRemovals(run, [{ txid: bytes32(1), pages: 1, height: 20, lock }])).toBe(0)
  expect(run.counts).toMatchObject({ pagesRemoved: 0, bodiesRemoved: 0, removalsLeft: 1 })
  expect(await has()).toBe(true)
})

it('a master that is there again by then keeps its pages and its body', async () => {
  const { run, has } = await setUp(() => ({}))
  const lock = { txid: bytes32(1), token: 'x', heldUntilMs: performance.now() + 60_000 }
  expect(await finishRemovals(run, [{ txid: bytes32(1), pages: 1, height: 20, lock }])).toBe(0)
  expect([await has(), run.counts.pagesRemoved]).toEqual([true, 0])
})

it('the set of intents has a name that a server takes', () => {
  expect(pruneIntentSet('utxo')).toBe('utxo_pruneintent')
  const long = pruneIntentSet('s'.repeat(63))
  expect(long.length).toBeLessThanOrEqual(63)
  expect(long).not.toBe(pruneIntentSet('t'.repeat(63)))
})
