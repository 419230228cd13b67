import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { hash, pageBins, spendingData, spendRequest } from './record-bins.ts'
import { UdfFixture } from './udf-fixture.ts'

const SPENDER = spendingData('spender')

const CALLS: [string, unknown[]][] = [
  ['spendMulti', [[spendRequest(0, 0, 'a', SPENDER)], false, false, 100, 10]],
  ['spend', [0, hash('a'), SPENDER, false, false, 100, 10]],
  ['unspend', [0, hash('a'), SPENDER, 100, 10]],
  ['setMined', [1, 100, 0, 101, 10, true, false]],
  ['setLocked', [true]],
  ['setConflicting', [true, 100, 10]],
  ['incrementSpentExtraRecs', [1, 100, 10]],
  ['preserveUntil', [100]],
  ['addDeletedChildren', [['ab'.repeat(32)]]],
  ['freeze', [0, hash('a'), 0, 0, false]],
  ['unfreeze', [0, hash('a')]],
  ['reassign', [0, hash('a'), hash('c'), 100, 1000]],
]

// The functions that work on one output by its hash.
const SLOT_CALLS: [string, (offset: number, utxoHash: Buffer) => unknown[]][] = [
  ['unspend', (offset, utxoHash) => [offset, utxoHash, SPENDER, 100, 10]],
  ['freeze', (offset, utxoHash) => [offset, utxoHash, 0, 0, false]],
  ['unfreeze', (offset, utxoHash) => [offset, utxoHash]],
  ['reassign', (offset, utxoHash) => [offset, utxoHash, hash('c'), 100, 1000]],
]

const INVALID_PARAMETERS: [string, unknown[]][] = [
  ['unspend', [0, hash('a'), null, 100, 10]],
  ['unspend', [0, hash('a'), SPENDER.subarray(0, 35), 100, 10]],
  ['unspend', [0, hash('a'), 'x'.repeat(36), 100, 10]],
  ['setMined', [null, 100, 0, 101, 10, true, false]],
  ['setMined', [1, null, 0, 101, 10, true, false]],
  ['setMined', [1, 100, null, 101, 10, true, false]],
  ['setLocked', [1]],
  ['setLocked', [null]],
  ['setConflicting', [0, 100, 10]],
  ['incrementSpentExtraRecs', [1, 100, 10]],
  ['preserveUntil', [null]],
  ['addDeletedChildren', [['ab'.repeat(32), 5]]],
  ['freeze', [0, hash('a'), -1, 0, false]],
  ['freeze', [0, hash('a'), 0, 'later', false]],
  ['reassign', [0, hash('a'), hash('c').subarray(0, 31), 100, 1000]],
]

let udf: UdfFixture

beforeAll(async () => {
  udf = await UdfFixture.open()
})

afterAll(() => udf.close())

describe('every record function', () => {
  it.each(CALLS)('%s of a missing record answers TX_NOT_FOUND and creates nothing', async (name, args) => {
    const key = udf.newKey()
    expect(await udf.apply(key, name, args)).toEqual({
      status: 'ERROR',
      errorCode: 'TX_NOT_FOUND',
      message: expect.any(String),
    })
    expect(await udf.getRecord(key)).toBeUndefined()
  })

  // A page, because that is the invalid record of incrementSpentExtraRecs.
  it.each(INVALID_PARAMETERS)('%s%j refuses the argument and changes nothing', async (name, args) => {
    const bins = pageBins()
    const key = await udf.putRecord(bins)
    expect(await udf.apply(key, name, args)).toMatchObject({
      status: 'ERROR',
      errorCode: 'INVALID_PARAMETER',
    })
    expect(await udf.getRecord(key)).toEqual(bins)
    expect(await udf.generation(key)).toBe(1)
  })
})

describe.each(SLOT_CALLS)('the slot check of %s', (name, args) => {
  it('a hash that is longer than the stored one', async () => {
    const key = await udf.putRecord(pageBins())
    const longer = Buffer.concat([hash('a'), Buffer.alloc(1)])
    expect(await udf.apply(key, name, args(0, longer))).toMatchObject({ errorCode: 'UTXO_HASH_MISMATCH' })
  })

  it.each([
    ['no utxos bin', { utxos: null }, 0, 'UTXOS_NOT_FOUND'],
    ['a nil slot', {}, 1, 'UTXO_NOT_FOUND'],
    ['an offset beyond the list', {}, 4, 'UTXO_NOT_FOUND'],
    ['another hash', {}, 2, 'UTXO_HASH_MISMATCH'],
    ['a slot of 31 bytes', { utxos: [hash('a').subarray(0, 31)] }, 0, 'UTXO_INVALID_SIZE'],
    ['a slot of 67 bytes', { utxos: [Buffer.concat([hash('a'), Buffer.alloc(35)])] }, 0, 'UTXO_INVALID_SIZE'],
    ['a slot that is no blob', { utxos: ['a'.repeat(32)] }, 0, 'UTXO_INVALID_SIZE'],
    ['a slot that is a list', { utxos: [[]] }, 0, 'UTXO_INVALID_SIZE'],
  ])('%s', async (_case, overrides, offset, errorCode) => {
    const key = await udf.putRecord(pageBins(overrides))
    const before = await udf.getRecord(key)
    expect(await udf.apply(key, name, args(offset, hash('a')))).toEqual({
      status: 'ERROR',
      errorCode,
      message: expect.any(String),
    })
    expect(await udf.getRecord(key)).toEqual(before)
    expect(await udf.generation(key)).toBe(1)
  })
})

const NO_LISTS: [string, unknown][] = [
  ['a map with the slot under the index', new Map([[1, hash('a')]])],
  ['an empty map', new Map()],
  ['a string', 'a'.repeat(64)],
  ['an empty blob', Buffer.alloc(0)],
  ['a blob', Buffer.alloc(80, 1)],
  ['an integer', 7],
  ['a boolean', true],
]

const SPEND_CALLS: typeof SLOT_CALLS = [
  ['spendMulti', offset => [[spendRequest(0, offset, 'a', SPENDER)], false, false, 100, 10]],
  ['spend', (offset, utxoHash) => [offset, utxoHash, SPENDER, false, false, 100, 10]],
]

describe.each([...SLOT_CALLS, ...SPEND_CALLS])('%s with outputs that are no list', (name, args) => {
  it.each(NO_LISTS)('fails for %s, and writes nothing', async (_case, utxos) => {
    const key = await udf.putRecord(pageBins({ utxos }))
    const before = await udf.getRecord(key)
    await expect(udf.apply(key, name, args(0, hash('a')))).rejects.toMatchObject({ code: 100 })
    expect(await udf.getRecord(key)).toEqual(before)
    expect(await udf.generation(key)).toBe(1)
  })
})
