import { describe, expect, it } from '@jest/globals'
import {
  type Bins,
  decodeMetadata,
  decodeOutput,
  type FreezeWindow,
  isConsensusActive,
  isPolicyActive,
  normaliseWindow,
} from '../../lib/record/index.ts'

const NEVER = 2 ** 32 - 1
const HASH = new Uint8Array(32).fill(1)
const SENTINEL = Buffer.concat([HASH, Buffer.alloc(36, 0xff)])

const window = (from: number, until = 0, policyExpires = false): FreezeWindow => ({
  from,
  until,
  policyExpires,
})

describe('lesson 70: windows of heights', () => {
  it.each<[string, FreezeWindow, Record<number, [boolean, boolean]>]>([
    ['always', window(0), { 0: [true, true], [NEVER]: [true, true] }],
    ['from a height', window(100), { 99: [false, true], 100: [true, true] }],
    [
      'half-open',
      window(100, 200),
      { 99: [false, true], 100: [true, true], 199: [true, true], 200: [false, true] },
    ],
    [
      'with its policy',
      window(100, 200, true),
      { 99: [false, true], 100: [true, true], 199: [true, true], 200: [false, false] },
    ],
    ['a policy without an end', window(100, 0, true), { 99: [false, true], 100: [true, true] }],
    ['never', window(NEVER, NEVER), { 100: [false, true], [NEVER]: [false, true] }],
    ['never, with its policy', window(NEVER, NEVER, true), { 100: [false, false], [NEVER]: [false, false] }],
  ])('%s: consensus and policy', (_, freeze, expected) => {
    const heights = Object.keys(expected).map(Number)
    const actual = heights.map(height => [
      height,
      [isConsensusActive(freeze, height), isPolicyActive(freeze, height)],
    ])
    expect(Object.fromEntries(actual)).toEqual(expected)
  })

  it.each([
    [window(100, 200), window(100, 200)],
    [window(100, 0), window(100, 0)],
    [window(100, 100, true), window(NEVER, NEVER, true)],
    [window(100, 99), window(NEVER, NEVER)],
    [window(5, 2 ** 40), window(5, NEVER)],
    [window(2 ** 40), window(NEVER)],
    [window(2 ** 40, 2 ** 41), window(NEVER, NEVER)],
  ])('%j is stored as %j', (given, stored) => {
    expect(normaliseWindow(given)).toEqual(stored)
  })
})

describe('freeze records', () => {
  it.each<[string, Bins]>([
    [
      'maps',
      {
        utxoFreezeFrom: new Map([[0, 5]]),
        utxoFreezeUntil: new Map([[0, 9]]),
        utxoFreezeExp: new Map([[0, true]]),
      },
    ],
    [
      'objects, as the npm client gives maps',
      { utxoFreezeFrom: { 0: 5 }, utxoFreezeUntil: { 0: 9 }, utxoFreezeExp: { 0: true } },
    ],
  ])('are read from %s', (_, bins) => {
    expect(decodeMetadata(bins, ['freezes']).freezes).toEqual([{ vout: 0, window: window(5, 9, true) }])
  })

  it.each<[string, unknown, unknown]>([
    ['a start that is text', 'soon', 0],
    ['a negative start', -1, 0],
    ['a start beyond 32 bits', 2 ** 32, 0],
    ['an end that is text', 1, 'later'],
    ['an end beyond 32 bits', 1, 2 ** 32],
  ])('%s is damage, and never "not frozen"', (_, from, until) => {
    const bins = {
      utxos: [HASH],
      utxoFreezeFrom: { 0: from },
      utxoFreezeUntil: { 0: until },
      totalUtxos: 1,
    } as Bins
    expect(decodeMetadata(bins, ['freezes']).freezes).toEqual([{ vout: 0, window: undefined }])
    expect(decodeMetadata(bins, ['utxos']).utxos).toMatchObject([{ state: 'frozen' }])
    expect(() => decodeOutput(bins, 0)).toThrow(expect.objectContaining({ code: 'STORAGE_ERROR' }))
  })

  it.each<[string, Bins]>([
    ['a number', { utxoFreezeFrom: 7 }],
    ['a list', { utxoFreezeFrom: [7] }],
    ['a key that is no offset', { utxoFreezeFrom: { a: 7 } }],
  ])('a bin that holds %s is damage', (_, bins) => {
    const record = { utxos: [HASH], totalUtxos: 1, ...bins }
    for (const read of [() => decodeMetadata(record, ['utxos']), () => decodeOutput(record, 0)])
      expect(read).toThrow(expect.objectContaining({ code: 'STORAGE_ERROR' }))
  })

  it('pages that may carry some come in order, without the master', () => {
    const bins = { utxoFreezeRecs: { 0: 1, 10: 1, 2: 1 } }
    expect(decodeMetadata(bins, ['freezes'])).toEqual({ freezes: [], freezePages: [2, 10] })
  })
})

describe('the state of an output', () => {
  it('a slot marked as frozen without a record is frozen always', () => {
    expect(decodeOutput({ utxos: [SENTINEL] }, 0)?.freeze).toEqual(window(0))
    expect(decodeOutput({ utxos: [HASH] }, 0)?.freeze).toBeUndefined()
  })

  it('lesson 41: beyond the list there is none', () => {
    expect(decodeOutput({ utxos: [HASH] }, 1)).toBeUndefined()
  })

  it('is spendable from the later one of maturity and reassignment, looked up by the offset', () => {
    const bins = { utxos: [HASH, HASH], utxoSpendableIn: { 1: 500 }, spendingHeight: 300 }
    expect([0, 1].map(offset => decodeOutput(bins, offset)?.spendableFrom)).toEqual([300, 500])
  })
})
