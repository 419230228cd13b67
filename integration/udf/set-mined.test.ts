import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { masterBins } from './record-bins.ts'
import { type Bins, type RecordKey, UdfFixture } from './udf-fixture.ts'

const RETENTION = 10
const TIP = 101

interface Block {
  id: number
  height: number
  subtree: number
}

interface MinedOptions {
  onLongestChain?: boolean
  unset?: boolean
  tip?: number
}

let udf: UdfFixture

beforeAll(async () => {
  udf = await UdfFixture.open()
})

afterAll(() => udf.close())

function setMined(key: RecordKey, block: Block, options: MinedOptions = {}) {
  const { onLongestChain = true, unset = false, tip = TIP } = options
  const args = [block.id, block.height, block.subtree, tip, RETENTION, onLongestChain, unset]
  return udf.apply(key, 'setMined', args)
}

const BLOCK: Block = { id: 8, height: 100, subtree: 4 }
const UNMINED: Bins = { blockIDs: [], blockHeights: [], subtreeIdxs: [], unminedSince: 95 }
const MINED_ONCE = { blockIDs: [8], blockHeights: [100], subtreeIdxs: [4] }

describe('setMined', () => {
  it('records the block and ends the unmined state', async () => {
    const key = await udf.putRecord(masterBins(UNMINED))
    expect(await setMined(key, BLOCK)).toEqual({ status: 'OK', blockIDs: [8] })
    expect(await udf.getRecord(key)).toEqual(masterBins(MINED_ONCE))
  })

  it('creates the lists where the record has none', async () => {
    const none = { blockIDs: null, blockHeights: null, subtreeIdxs: null }
    const key = await udf.putRecord(masterBins(none))
    expect(await setMined(key, BLOCK)).toEqual({ status: 'OK', blockIDs: [8] })
    expect(await udf.getRecord(key)).toMatchObject(MINED_ONCE)
  })

  it('repeats without effect', async () => {
    const key = await udf.putRecord(masterBins())
    const both = { blockIDs: [7, 8], blockHeights: [90, 100], subtreeIdxs: [3, 4] }
    for (let repetition = 0; repetition < 2; repetition++) {
      expect(await setMined(key, BLOCK)).toEqual({ status: 'OK', blockIDs: [7, 8] })
      expect(await udf.getRecord(key)).toEqual(masterBins(both))
    }
  })

  it('leaves the unmined height off the longest chain', async () => {
    const key = await udf.putRecord(masterBins(UNMINED))
    expect(await setMined(key, BLOCK, { onLongestChain: false })).toEqual({ status: 'OK', blockIDs: [8] })
    expect(await udf.getRecord(key)).toMatchObject({ ...MINED_ONCE, unminedSince: 95 })
  })

  it('unlocks the record and ends its creation', async () => {
    const key = await udf.putRecord(masterBins({ ...UNMINED, locked: true, creating: true }))
    await setMined(key, BLOCK)
    const bins = await udf.getRecord(key)
    expect(bins).toMatchObject({ locked: false })
    expect(bins).not.toHaveProperty('creating')
  })

  it('writes no lock where there was none', async () => {
    const key = await udf.putRecord(masterBins({ ...UNMINED, locked: null }))
    await setMined(key, BLOCK)
    expect(await udf.getRecord(key)).not.toHaveProperty('locked')
  })

  it('counts the retention from the mined block, not from the tip', async () => {
    const key = await udf.putRecord(masterBins({ ...UNMINED, spentUtxos: 2 }))
    await setMined(key, { ...BLOCK, height: 200 }, { tip: 50 })
    expect(await udf.getRecord(key)).toMatchObject({ deleteAtHeight: 200 + RETENTION })
  })

  it.each([
    ['without a signal', {}],
    ['with one', { spentUtxos: 2, spentExtraRecs: 2, external: true }],
  ])('always answers the number of pages, %s', async (_case, overrides) => {
    const key = await udf.putRecord(masterBins({ ...overrides, totalExtraRecs: 2 }))
    expect(await setMined(key, BLOCK)).toMatchObject({ status: 'OK', blockIDs: [7, 8], childCount: 2 })
  })
})

describe('setMined, unset', () => {
  const TWO = { blockIDs: [8, 7], blockHeights: [100, 90], subtreeIdxs: [4, 3] }

  it('removes the block from all three lists and leaves the unmined height', async () => {
    const key = await udf.putRecord(masterBins(TWO))
    expect(await setMined(key, BLOCK, { unset: true })).toEqual({ status: 'OK', blockIDs: [7] })
    expect(await udf.getRecord(key)).toEqual(masterBins())
  })

  it('does nothing about a block that is not there', async () => {
    const key = await udf.putRecord(masterBins())
    expect(await setMined(key, BLOCK, { unset: true })).toEqual({ status: 'OK', blockIDs: [7] })
    expect(await udf.getRecord(key)).toEqual(masterBins())
  })

  it.each([
    [TIP, TIP],
    [0, 1],
  ])('the last block makes it unmined since the tip, %d is stored as %d', async (tip, unminedSince) => {
    const key = await udf.putRecord(masterBins({ ...MINED_ONCE, deleteAtHeight: 105, spentUtxos: 2 }))
    expect(await setMined(key, BLOCK, { unset: true, tip })).toEqual({ status: 'OK', blockIDs: [] })
    const bins = await udf.getRecord(key)
    expect(bins).toMatchObject({ blockIDs: [], blockHeights: [], subtreeIdxs: [], unminedSince })
    expect(bins).not.toHaveProperty('deleteAtHeight')
  })

  it('tells an external master that its delete-at-height is gone', async () => {
    const overrides = { ...MINED_ONCE, deleteAtHeight: 105, external: true, totalExtraRecs: 2 }
    const key = await udf.putRecord(masterBins(overrides))
    expect(await setMined(key, BLOCK, { unset: true })).toEqual({
      status: 'OK',
      blockIDs: [],
      signal: 'DAHUNSET',
      childCount: 2,
    })
  })

  it('answers no number of pages without a signal', async () => {
    const key = await udf.putRecord(masterBins({ ...TWO, totalExtraRecs: 2 }))
    expect(await setMined(key, BLOCK, { unset: true })).toEqual({ status: 'OK', blockIDs: [7] })
  })

  it('removes what there is where the lists differ in length', async () => {
    const key = await udf.putRecord(masterBins({ blockIDs: [7, 8], blockHeights: [90], subtreeIdxs: [] }))
    expect(await setMined(key, BLOCK, { unset: true })).toEqual({ status: 'OK', blockIDs: [7] })
    expect(await udf.getRecord(key)).toMatchObject({ blockIDs: [7], blockHeights: [90], subtreeIdxs: [] })
  })
})
