import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import {
  hash,
  masterBins,
  SENTINEL,
  spendingData,
  spendingDataText,
  spendRequest,
  spentSlot,
  unspentSlot,
} from './record-bins.ts'
import { type Bins, type RecordKey, UdfFixture } from './udf-fixture.ts'

const OURS = spendingData('ours')
const FROZEN_SLOT = Buffer.concat([hash('a'), SENTINEL])
const NEVER = 4294967295

let udf: UdfFixture

beforeAll(async () => {
  udf = await UdfFixture.open()
})

afterAll(() => udf.close())

/** The master record of one output `a`, whose slot is given, with a freeze record if `from` is. */
function bins(slot: Buffer, from?: unknown, until?: unknown, policyExpires?: boolean): Bins {
  const spent = slot.length === 68 && !slot.subarray(32).equals(SENTINEL)
  const record = masterBins({ utxos: [slot], recordUtxos: 1, spentUtxos: spent ? 1 : 0 })
  if (from !== undefined) record.utxoFreezeFrom = new Map([[0, from]])
  if (until !== undefined) record.utxoFreezeUntil = new Map([[0, until]])
  if (policyExpires) record.utxoFreezeExp = new Map([[0, true]])
  return record
}

/** What the client reads back of the same record: maps as plain objects. */
function read(record: Bins): Bins {
  const entries = Object.entries(record).map(([name, bin]) => [
    name,
    bin instanceof Map ? Object.fromEntries(bin) : bin,
  ])
  return Object.fromEntries(entries)
}

function freeze(key: RecordKey, ...window: unknown[]) {
  return udf.apply(key, 'freeze', [0, hash('a'), ...window])
}

const UNSPENT = unspentSlot('a')
const SPENT = spentSlot('a', OURS)

describe('freeze', () => {
  it.each<[string, Bins, unknown[], Bins]>([
    ['always, as a record', bins(UNSPENT), [0, 0, false], bins(FROZEN_SLOT, 0)],
    ['from a height', bins(UNSPENT), [100, 0, false], bins(FROZEN_SLOT, 100)],
    ['a window', bins(UNSPENT), [100, 200, false], bins(FROZEN_SLOT, 100, 200)],
    ['a window with its policy', bins(UNSPENT), [100, 200, true], bins(FROZEN_SLOT, 100, 200, true)],
    ['a window that ends at its start', bins(UNSPENT), [100, 100, false], bins(FROZEN_SLOT, NEVER, NEVER)],
    ['a window that ends before', bins(UNSPENT), [100, 50, true], bins(FROZEN_SLOT, NEVER, NEVER, true)],
    ['heights beyond uint32', bins(UNSPENT), [5, 2 ** 40, false], bins(FROZEN_SLOT, 5, NEVER)],
    ['a sentinel gets a window', bins(FROZEN_SLOT), [100, 200, true], bins(FROZEN_SLOT, 100, 200, true)],
    ['a window is moved', bins(FROZEN_SLOT, 1, 2, true), [3, 4, true], bins(FROZEN_SLOT, 3, 4, true)],
    ['only the start is moved', bins(FROZEN_SLOT, 1, 2, true), [0, 2, true], bins(FROZEN_SLOT, 0, 2, true)],
    ['only the policy changes', bins(FROZEN_SLOT, 1, 2, true), [1, 2, false], bins(FROZEN_SLOT, 1, 2)],
    ['a window loses its end', bins(FROZEN_SLOT, 1, 2, true), [1, 0, false], bins(FROZEN_SLOT, 1)],
    ['a damaged record is repaired', bins(FROZEN_SLOT, 'soon', -1), [1, 2, false], bins(FROZEN_SLOT, 1, 2)],
    ['a bare record gets its sentinel', bins(UNSPENT, 1, 2), [1, 3, false], bins(FROZEN_SLOT, 1, 3)],
    ['without a window no freeze bin is written', bins(UNSPENT), [], bins(FROZEN_SLOT)],
    ['without a window a record becomes the sentinel', bins(UNSPENT, 1, 2), [], bins(FROZEN_SLOT)],
  ])('%s', async (_case, before, window, after) => {
    const key = await udf.putRecord(before)
    expect(await freeze(key, ...window)).toEqual({ status: 'OK' })
    expect(await udf.getRecord(key)).toEqual(read(after))
  })

  it('only records the freeze of a spent output', async () => {
    const key = await udf.putRecord(bins(SPENT))
    expect(await freeze(key, 100, 200, false)).toEqual({ status: 'OK', message: expect.any(String) })
    expect(await udf.getRecord(key)).toEqual(read(bins(SPENT, 100, 200)))
  })

  it('refuses a spent output without a window', async () => {
    const key = await udf.putRecord(bins(SPENT))
    expect(await freeze(key)).toEqual({
      status: 'ERROR',
      errorCode: 'SPENT',
      message: expect.any(String),
      spendingData: spendingDataText(OURS),
    })
    expect(await udf.getRecord(key)).toEqual(bins(SPENT))
  })

  it.each<[string, Bins, unknown[]]>([
    ['the same window', bins(FROZEN_SLOT, 100, 200, true), [100, 200, true]],
    ['the same window of a spent output', bins(SPENT, 100, 200), [100, 200, false]],
    ['a sentinel stands for always', bins(FROZEN_SLOT), [0, 0, false]],
    ['a sentinel again', bins(FROZEN_SLOT), []],
    ['a record of always without a window', bins(FROZEN_SLOT, 0), []],
    ['two windows that are never active', bins(FROZEN_SLOT, NEVER, NEVER), [9, 3, false]],
  ])('ALREADY_FROZEN: %s', async (_case, before, window) => {
    const key = await udf.putRecord(before)
    expect(await freeze(key, ...window)).toMatchObject({ status: 'ERROR', errorCode: 'ALREADY_FROZEN' })
    expect(await udf.getRecord(key)).toEqual(read(before))
    expect(await udf.generation(key)).toBe(1)
  })

  it('keeps the entries of the other outputs', async () => {
    const key = await udf.putRecord(masterBins({ utxoFreezeFrom: new Map([[2, 9]]) }))
    await freeze(key, 1, 0, false)
    expect(await udf.getRecord(key)).toMatchObject({ utxoFreezeFrom: { 0: 1, 2: 9 } })
    await udf.apply(key, 'unfreeze', [0, hash('a')])
    expect(await udf.getRecord(key)).toEqual(masterBins({ utxoFreezeFrom: { 2: 9 } }))
  })
})

describe('unfreeze', () => {
  it.each<[string, Bins, Bins]>([
    ['a sentinel', bins(FROZEN_SLOT), bins(UNSPENT)],
    ['a record', bins(FROZEN_SLOT, 1, 2, true), bins(UNSPENT)],
    ['a record without its sentinel', bins(UNSPENT, 1), bins(UNSPENT)],
    ['a record of a spent output', bins(SPENT, 1, 2, true), bins(SPENT)],
    ['a damaged record', bins(UNSPENT, 'soon'), bins(UNSPENT)],
  ])('lifts %s', async (_case, before, after) => {
    const key = await udf.putRecord(before)
    expect(await udf.apply(key, 'unfreeze', [0, hash('a')])).toEqual({ status: 'OK' })
    expect(await udf.getRecord(key)).toEqual(after)
  })

  it.each<[string, Bins]>([
    ['an unspent output', bins(UNSPENT)],
    ['a spent output', bins(SPENT)],
  ])('refuses %s', async (_case, before) => {
    const key = await udf.putRecord(before)
    expect(await udf.apply(key, 'unfreeze', [0, hash('a')])).toMatchObject({ errorCode: 'UTXO_NOT_FROZEN' })
    expect(await udf.getRecord(key)).toEqual(before)
  })
})

describe('reassign', () => {
  const ARGS = [0, hash('a'), hash('c'), 100, 1000]
  const REASSIGNED = {
    utxos: [hash('c')],
    recordUtxos: 2,
    reassignments: [{ offset: 0, utxoHash: hash('a'), newUtxoHash: hash('c'), blockHeight: 100 }],
    utxoSpendableIn: { 0: 1100 },
  }

  it.each<[string, Bins]>([
    ['by a sentinel', bins(FROZEN_SLOT)],
    ['by a record', bins(FROZEN_SLOT, 1, 2, true)],
    ['by a record without its sentinel', bins(UNSPENT, 1)],
  ])('replaces the hash of an output frozen %s', async (_case, before) => {
    const key = await udf.putRecord(before)
    expect(await udf.apply(key, 'reassign', ARGS)).toEqual({ status: 'OK' })
    expect(await udf.getRecord(key)).toEqual({ ...bins(UNSPENT), ...REASSIGNED })
  })

  it.each<[string, Bins]>([
    ['an output that is not frozen', bins(UNSPENT)],
    ['a spent output', bins(SPENT)],
    ['a spent output with a record', bins(SPENT, 1)],
  ])('refuses %s', async (_case, before) => {
    const key = await udf.putRecord(before)
    expect(await udf.apply(key, 'reassign', ARGS)).toMatchObject({ errorCode: 'UTXO_NOT_FROZEN' })
    expect(await udf.getRecord(key)).toEqual(read(before))
  })

  it('appends to earlier reassignments', async () => {
    const key = await udf.putRecord(bins(FROZEN_SLOT))
    await udf.apply(key, 'reassign', ARGS)
    await udf.apply(key, 'freeze', [0, hash('c')])
    await udf.apply(key, 'reassign', [0, hash('c'), hash('d'), 200, 1000])
    expect(await udf.getRecord(key)).toMatchObject({
      recordUtxos: 3,
      reassignments: [
        ...REASSIGNED.reassignments,
        { offset: 0, utxoHash: hash('c'), newUtxoHash: hash('d'), blockHeight: 200 },
      ],
      utxoSpendableIn: { 0: 1200 },
    })
  })

  it('makes the new owner wait, and the record never prunable', async () => {
    const key = await udf.putRecord(bins(FROZEN_SLOT))
    await udf.apply(key, 'reassign', ARGS)
    const spendAt = (height: number) =>
      udf.apply(key, 'spendMulti', [[spendRequest(0, 0, 'c', OURS)], false, false, height, 10])
    expect((await spendAt(1099)).errors).toMatchObject({ 0: { errorCode: 'FROZEN_UNTIL' } })
    expect(await spendAt(1100)).toMatchObject({ status: 'OK' })
    expect(await udf.getRecord(key)).not.toHaveProperty('deleteAtHeight')
  })
})
