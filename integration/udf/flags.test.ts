import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { displayHex, masterBins, pageBins } from './record-bins.ts'
import { type Bins, UdfFixture } from './udf-fixture.ts'

let udf: UdfFixture

beforeAll(async () => {
  udf = await UdfFixture.open()
})

afterAll(() => udf.close())

async function applyTo(bins: Bins, name: string, args: unknown[]) {
  const key = await udf.putRecord(bins)
  const answer = await udf.apply(key, name, args)
  return { answer, bins: await udf.getRecord(key) }
}

describe('setLocked', () => {
  it.each<[string, boolean, Bins, number, number | undefined]>([
    ['locks and drops the delete-at-height', true, masterBins({ deleteAtHeight: 105 }), 0, undefined],
    ['unlocks and re-evaluates nothing', false, masterBins({ deleteAtHeight: 105, locked: true }), 0, 105],
    ['answers the number of pages', true, masterBins({ totalExtraRecs: 3 }), 3, undefined],
    ['answers 0 for a page', true, pageBins(), 0, undefined],
  ])('%s', async (_case, value, record, childCount, deleteAtHeight) => {
    const { answer, bins } = await applyTo(record, 'setLocked', [value])
    expect(answer).toEqual({ status: 'OK', childCount })
    expect(bins).toMatchObject({ locked: value })
    expect(bins?.deleteAtHeight).toBe(deleteAtHeight)
  })
})

describe('incrementSpentExtraRecs', () => {
  it.each([
    ['starts from nothing', null, 1, 1],
    ['adds', 1, 1, 2],
    ['subtracts', 2, -1, 1],
    ['never exceeds the number of pages', 3, 1, 3],
    ['never goes below zero', null, -1, 0],
    ['brings a drifted counter back', 9, -1, 3],
  ])('%s', async (_case, before, increment, after) => {
    const record = masterBins({ totalExtraRecs: 3, spentExtraRecs: before })
    const { answer, bins } = await applyTo(record, 'incrementSpentExtraRecs', [increment, 100, 10])
    expect(answer).toEqual({ status: 'OK' })
    expect(bins).toMatchObject({ spentExtraRecs: after })
  })
})

describe('preserveUntil', () => {
  it.each<[string, Bins, object]>([
    ['replaces the delete-at-height', { deleteAtHeight: 105 }, { status: 'OK' }],
    ['moves an earlier preservation', { preserveUntil: 300 }, { status: 'OK' }],
    [
      'signals an external transaction',
      { external: true, totalExtraRecs: 2, deleteAtHeight: 105 },
      { status: 'OK', signal: 'PRESERVE' },
    ],
  ])('%s', async (_case, overrides, expected) => {
    const { answer, bins } = await applyTo(masterBins(overrides), 'preserveUntil', [500])
    expect(answer).toEqual(expected)
    expect(bins).toMatchObject({ preserveUntil: 500 })
    expect(bins).not.toHaveProperty('deleteAtHeight')
  })
})

describe('addDeletedChildren', () => {
  const [x, y] = [displayHex('x'), displayHex('y')]

  it('adds each child once', async () => {
    const { answer, bins } = await applyTo(
      masterBins({ deletedChildren: { [x]: true } }),
      'addDeletedChildren',
      [[x, y, y]],
    )
    expect(answer).toEqual({ status: 'OK' })
    expect(bins).toEqual(masterBins({ deletedChildren: { [x]: true, [y]: true } }))
  })

  it('leaves no empty map behind', async () => {
    const { answer, bins } = await applyTo(masterBins(), 'addDeletedChildren', [[]])
    expect(answer).toEqual({ status: 'OK' })
    expect(bins).toEqual(masterBins())
  })
})
