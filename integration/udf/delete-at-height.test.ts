import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import {
  hash,
  masterBins,
  pageBins,
  spendingData,
  spendRequest,
  spentSlot,
  unspentSlot,
} from './record-bins.ts'
import { type Bins, UdfFixture } from './udf-fixture.ts'

// The rule is reached through setConflicting(false), which changes nothing else of an unconflicting record,
// at height 100 with a retention of 10.
const WANTED = 110

let udf: UdfFixture

beforeAll(async () => {
  udf = await UdfFixture.open()
})

afterAll(() => udf.close())

async function applyRule(bins: Bins, conflicting = false, retention = 10) {
  const key = await udf.putRecord(bins)
  const answer = await udf.apply(key, 'setConflicting', [conflicting, 100, retention])
  return { answer, bins: (await udf.getRecord(key)) ?? {} }
}

const ALL_SPENT: Bins = { spentUtxos: 2, recordUtxos: 2 }
const DAHSET = { status: 'OK', signal: 'DAHSET', childCount: 0 }
const DAHUNSET = { status: 'OK', signal: 'DAHUNSET', childCount: 0 }
const SILENT = { status: 'OK' }

describe('the delete-at-height of a master', () => {
  it.each<[string, Bins, number | undefined, object]>([
    ['is set when all is spent and mined', ALL_SPENT, WANTED, SILENT],
    ['is raised', { ...ALL_SPENT, deleteAtHeight: 109 }, WANTED, SILENT],
    ['is never lowered', { ...ALL_SPENT, deleteAtHeight: 111 }, 111, SILENT],
    ['stays "never"', { ...ALL_SPENT, deleteAtHeight: 4294967295 }, 4294967295, SILENT],
    ['is not set while an output is unspent', { spentUtxos: 1 }, undefined, SILENT],
    ['is not set while unmined', { ...ALL_SPENT, blockIDs: [] }, undefined, SILENT],
    ['is not set without a list of blocks', { ...ALL_SPENT, blockIDs: null }, undefined, SILENT],
    ['is not set by blocks that are an integer', { ...ALL_SPENT, blockIDs: 5 }, undefined, SILENT],
    ['is not set by blocks that are a string', { ...ALL_SPENT, blockIDs: 'x' }, undefined, SILENT],
    ['is not set by blocks that are a map', { ...ALL_SPENT, blockIDs: new Map([[1, 7]]) }, undefined, SILENT],
    [
      'is taken back where blocks are no list',
      { ...ALL_SPENT, blockIDs: 5, deleteAtHeight: 105 },
      undefined,
      SILENT,
    ],
    ['is not set off the longest chain', { ...ALL_SPENT, unminedSince: 95 }, undefined, SILENT],
    ['is not set before the pages are spent', { ...ALL_SPENT, totalExtraRecs: 1 }, undefined, SILENT],
    ['waits for every page', { ...ALL_SPENT, totalExtraRecs: 2, spentExtraRecs: 1 }, undefined, SILENT],
    ['is set after the last page', { ...ALL_SPENT, totalExtraRecs: 2, spentExtraRecs: 2 }, WANTED, SILENT],
    ['is taken back when no longer due', { spentUtxos: 1, deleteAtHeight: 105 }, undefined, SILENT],
    ['is left while preserved', { spentUtxos: 1, deleteAtHeight: 105, preserveUntil: 500 }, 105, SILENT],
    ['is not set while preserved', { ...ALL_SPENT, preserveUntil: 500 }, undefined, SILENT],
    ['is set in spite of the lock', { ...ALL_SPENT, locked: true }, WANTED, SILENT],
    ['signals an external transaction', { ...ALL_SPENT, external: true }, WANTED, DAHSET],
    [
      'signals the number of pages',
      { ...ALL_SPENT, external: true, totalExtraRecs: 3, spentExtraRecs: 3 },
      WANTED,
      { ...DAHSET, childCount: 3 },
    ],
    ['signals when raised', { ...ALL_SPENT, external: true, deleteAtHeight: 109 }, WANTED, DAHSET],
    ['does not signal when left', { ...ALL_SPENT, external: true, deleteAtHeight: WANTED }, WANTED, SILENT],
    ['does not signal when there is none', { spentUtxos: 1, external: true }, undefined, SILENT],
    ['signals when taken back', { spentUtxos: 1, external: true, deleteAtHeight: 105 }, undefined, DAHUNSET],
  ])('%s', async (_case, overrides, deleteAtHeight, expected) => {
    const { answer, bins } = await applyRule(masterBins(overrides))
    expect(answer).toEqual(expected)
    expect(bins.deleteAtHeight).toBe(deleteAtHeight)
  })

  it('becomes "never" where the sum leaves 32 bits', async () => {
    const { bins } = await applyRule(masterBins(ALL_SPENT), false, 4294967295)
    expect(bins.deleteAtHeight).toBe(4294967295)
  })

  it('is left alone without retention', async () => {
    const { answer, bins } = await applyRule(masterBins({ spentUtxos: 1, deleteAtHeight: 5 }), false, 0)
    expect(answer).toEqual(SILENT)
    expect(bins.deleteAtHeight).toBe(5)
  })
})

describe('the delete-at-height of a conflicting transaction', () => {
  it.each<[string, Bins, number | undefined, object]>([
    ['is set at once', masterBins(), WANTED, SILENT],
    [
      'signals an external transaction',
      masterBins({ external: true, totalExtraRecs: 2 }),
      WANTED,
      { ...DAHSET, childCount: 2 },
    ],
    ['is not raised', masterBins({ external: true, deleteAtHeight: 105 }), 105, SILENT],
    ['is not lowered', masterBins({ external: true, deleteAtHeight: 115 }), 115, SILENT],
    ['is not set while preserved', masterBins({ preserveUntil: 500 }), undefined, SILENT],
  ])('%s', async (_case, record, deleteAtHeight, expected) => {
    const { answer, bins } = await applyRule(record, true)
    expect(answer).toEqual(expected)
    expect(bins).toMatchObject({ conflicting: true })
    expect(bins.deleteAtHeight).toBe(deleteAtHeight)
  })

  it('is taken back when the conflict is lifted', async () => {
    const record = masterBins({ conflicting: true, external: true, deleteAtHeight: 105 })
    const { answer, bins } = await applyRule(record)
    expect(answer).toEqual(DAHUNSET)
    expect(bins).toMatchObject({ conflicting: false })
    expect(bins.deleteAtHeight).toBeUndefined()
  })
})

describe('a page', () => {
  it.each<[string, Bins, string | undefined, string | undefined]>([
    ['says nothing before it is all spent', { spentUtxos: 1 }, undefined, undefined],
    ['signals when all spent', ALL_SPENT, 'ALLSPENT', 'ALLSPENT'],
    ['signals once', { ...ALL_SPENT, lastSpentState: 'ALLSPENT' }, undefined, 'ALLSPENT'],
    ['signals when no longer', { spentUtxos: 1, lastSpentState: 'ALLSPENT' }, 'NOTALLSPENT', 'NOTALLSPENT'],
    ['signals again', { ...ALL_SPENT, lastSpentState: 'NOTALLSPENT' }, 'ALLSPENT', 'ALLSPENT'],
  ])('%s', async (_case, overrides, signal, lastSpentState) => {
    const { answer, bins } = await applyRule(pageBins(overrides))
    expect(answer).toEqual(signal === undefined ? SILENT : { status: 'OK', signal })
    expect(bins.lastSpentState).toBe(lastSpentState)
    expect(bins.deleteAtHeight).toBeUndefined()
  })

  it('keeps the delete-at-height it has', async () => {
    const { bins } = await applyRule(pageBins({ spentUtxos: 1, deleteAtHeight: 105 }))
    expect(bins.deleteAtHeight).toBe(105)
  })
})

describe('the functions that apply the rule', () => {
  const ours = spendingData('ours')
  const oneLeft = { spentUtxos: 1, utxos: [unspentSlot('a'), null, spentSlot('b', ours), null] }
  const allSpent = { spentUtxos: 2, utxos: [spentSlot('a', ours), null, spentSlot('b', ours), null] }
  const spendArgs = [[spendRequest(0, 0, 'a', ours)], false, false, 100, 10]
  const unspendArgs = [0, hash('a'), ours, 100, 10]
  const external = { external: true }

  it.each<[string, unknown[], Bins, object]>([
    ['spendMulti', spendArgs, pageBins(oneLeft), { status: 'OK', signal: 'ALLSPENT' }],
    ['spendMulti', spendArgs, masterBins({ ...oneLeft, ...external }), { ...DAHSET, blockIDs: [7] }],
    [
      'unspend',
      unspendArgs,
      pageBins({ ...allSpent, lastSpentState: 'ALLSPENT' }),
      { status: 'OK', signal: 'NOTALLSPENT' },
    ],
    ['unspend', unspendArgs, masterBins({ ...allSpent, ...external, deleteAtHeight: 105 }), DAHUNSET],
    [
      'incrementSpentExtraRecs',
      [1, 100, 10],
      masterBins({ ...allSpent, ...external, totalExtraRecs: 1 }),
      { ...DAHSET, childCount: 1 },
    ],
    [
      'setMined',
      [8, 100, 0, 1, 10, true, false],
      masterBins({ ...allSpent, ...external, blockIDs: [], unminedSince: 90 }),
      { ...DAHSET, blockIDs: [8] },
    ],
  ])('%s answers the signal', async (name, args, bins, expected) => {
    const key = await udf.putRecord(bins)
    expect(await udf.apply(key, name, args)).toEqual(expected)
  })

  it('a failed spend still applies the rule', async () => {
    const key = await udf.putRecord(masterBins({ ...allSpent, ...external }))
    const theirs = [spendRequest(0, 0, 'a', spendingData('theirs'))]
    const answer = await udf.apply(key, 'spendMulti', [theirs, false, false, 100, 10])
    expect(answer).toMatchObject({ status: 'ERROR', signal: 'DAHSET', childCount: 0 })
    expect(await udf.getRecord(key)).toMatchObject({ deleteAtHeight: WANTED })
  })
})

describe('a call that changed nothing and is asked how its record stands', () => {
  const ours = spendingData('ours')
  const theirs = spendingData('theirs')
  const spent = { spentUtxos: 2, utxos: [spentSlot('a', ours), null, spentSlot('b', theirs), null] }
  const open = { spentUtxos: 1, utxos: [unspentSlot('a'), null, spentSlot('b', theirs), null] }
  const paged = { external: true, totalExtraRecs: 3 }
  const CALLS: Readonly<Record<string, unknown[]>> = {
    spendMulti: [[spendRequest(0, 0, 'a', ours)], false, false, 100, 10, true],
    unspend: [2, hash('b'), ours, 100, 10, -1, true, true],
    setMined: [7, 100, 0, 1, 10, true, false, true],
    setConflicting: [false, 100, 10, true],
  }
  const due = masterBins({ ...spent, ...paged, spentExtraRecs: 3, deleteAtHeight: 500 })
  const alive = masterBins({ ...spent, ...paged })

  it.each(Object.keys(CALLS))('%s', async name => {
    const restated = async (bins: Bins, args = CALLS[name]): Promise<unknown> => {
      const answer = await udf.apply(await udf.putRecord(bins), name, args ?? [])
      return [answer.status, answer.signal, answer.childCount]
    }
    expect(await restated(due)).toEqual(['OK', 'DAHSET_STANDS', 3])
    expect(await restated(alive)).toEqual(['OK', 'DAHUNSET_STANDS', 3])
    // Without a page nobody has to follow; without retention or while preserved nothing is ever due.
    expect((await restated(masterBins({ ...spent, external: true }))) as unknown[]).not.toContain(
      'DAHSET_STANDS',
    )
    expect((await restated({ ...alive, preserveUntil: 900 })) as unknown[]).not.toContain('DAHUNSET_STANDS')
    const silent = CALLS[name]?.slice(0, -1)
    expect(((await restated(due, silent)) as unknown[])[1]).toBeUndefined()
  })

  it.each([
    ['spendMulti', 'ALLSPENT_STANDS'],
    ['unspend', undefined],
  ])('%s on a page: %s', async (name, signal) => {
    const key = await udf.putRecord(pageBins({ ...spent, lastSpentState: 'ALLSPENT' }))
    const answer = await udf.apply(key, name, CALLS[name] ?? [])
    expect([answer.status, answer.signal]).toEqual(['OK', signal])
  })

  it('spendMulti that is refused says nothing of it', async () => {
    const key = await udf.putRecord(due)
    const args = [[spendRequest(0, 2, 'b', ours)], false, false, 100, 10, true]
    const answer = await udf.apply(key, 'spendMulti', args)
    expect([answer.status, answer.signal]).toEqual(['ERROR', undefined])
  })

  it('has nothing to restate after a change', async () => {
    const key = await udf.putRecord(masterBins({ ...open, ...paged }))
    expect(await udf.apply(key, 'spendMulti', CALLS.spendMulti ?? [])).toEqual({
      status: 'OK',
      blockIDs: [7],
    })
  })
})

it.each([
  // change, spent and open pages that are known, and the count of three before and after
  [0, 2, 0, 1, 2],
  [0, 2, 0, 3, 3],
  [1, 2, 0, 0, 2],
  [0, 0, 1, 3, 2],
  [-1, 0, 1, 3, 2],
  [0, 0, 1, 1, 1],
  [0, 9, 0, 1, 3],
  [0, 3, 2, 1, 1],
  [0, 0, 9, 3, 0],
])(
  'a count changed by %d with %d spent and %d open pages goes from %d to %d',
  async (change, spentPages, openPages, before, after) => {
    const key = await udf.putRecord(masterBins({ external: true, totalExtraRecs: 3, spentExtraRecs: before }))
    await udf.apply(key, 'incrementSpentExtraRecs', [change, 100, 10, spentPages, openPages, false])
    expect(await udf.getRecord(key)).toMatchObject({ spentExtraRecs: after })
  },
)
