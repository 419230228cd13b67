import { describe, expect, it } from '@jest/globals'
import { PARTICLE_TYPES, RESULT_CODES } from '../../../../lib/protocol/index.ts'
import {
  type Argument,
  hexMap,
  inContext,
  list,
  Msgpack,
  modify,
  NOTHING,
  type Outcome,
  read,
  type Start,
} from '../support/operation-lab.ts'

// What is expected here was answered by a real server (8.1.2), but for the request that crashes one.

const { OP_NOT_APPLICABLE, PARAMETER, ELEMENT_EXISTS, ELEMENT_NOT_FOUND, INCOMPATIBLE_TYPE } = RESULT_CODES
const failed = (resultCode: number): Outcome => ({ resultCode })

const ENTRIES = 'a2036107a2036201a2036303a2036409a2036503'
/** {a: 7, b: 1, c: 3, d: 9, e: 3} */
const ORDERED = hexMap(`86c70001c0${ENTRIES}`)
const UNORDERED = hexMap(`85${ENTRIES}`)
const SMALL = hexMap('82a2036101a2036202')
const INVERTED = 0x10000
const [INDEX, REVERSE_INDEX, RANK, COUNT, KEY, VALUE, KEY_VALUE, EXISTS] = [1, 2, 3, 5, 6, 7, 8, 13]
const items = (hex: string) => new Msgpack(hex)

describe('map writes', () => {
  it.each<[string, Start | undefined, Argument[], Outcome, string | undefined]>([
    ['put', SMALL, [67, 'aa', 5], 3, '83a2036101a303616105a2036202'],
    ['put over', SMALL, [67, 'a', 5], 2, '82a2036105a2036202'],
    ['put into nothing', undefined, [67, 'a', 1], 1, '81a2036101'],
    ['put into nothing, key-ordered', undefined, [67, 'a', 1, 1], 1, '82c70001c0a2036101'],
    ['put with a double as key', SMALL, [67, 1.5, 1], failed(PARAMETER), '82a2036101a2036202'],
    ['create that is there', SMALL, [67, 'a', 5, 0, 1], failed(ELEMENT_EXISTS), '82a2036101a2036202'],
    ['create that is there, no fail', SMALL, [67, 'a', 5, 0, 5], 2, '82a2036101a2036202'],
    ['update that is not there', SMALL, [67, 'c', 5, 0, 2], failed(ELEMENT_NOT_FOUND), '82a2036101a2036202'],
    ['update in nothing, no fail', undefined, [67, 'c', 5, 1, 6], 0, '81c70001c0'],
    ['putItems', SMALL, [68, items('82a2036005a2036209')], 3, '83a2036005a2036101a2036209'],
    [
      'putItems create, partly',
      SMALL,
      [68, items('82a2036109a2036309'), 0, 13],
      3,
      '83a2036101a2036202a2036309',
    ],
    ['putItems create, no fail', SMALL, [68, items('82a2036109a2036309'), 0, 5], 2, '82a2036101a2036202'],
    [
      'putItems with a key twice',
      SMALL,
      [68, items('82a2036109a2036109')],
      failed(PARAMETER),
      '82a2036101a2036202',
    ],
    ['add', SMALL, [65, 'a', 5], failed(ELEMENT_EXISTS), '82a2036101a2036202'],
    ['replace', SMALL, [69, 'c', 5], failed(ELEMENT_NOT_FOUND), '82a2036101a2036202'],
    ['replace in nothing', undefined, [69, 'c', 5], failed(ELEMENT_NOT_FOUND), undefined],
    ['increment', SMALL, [73, 'a', 4], 5, '82a2036105a2036202'],
    ['decrement of nothing', SMALL, [74, 'c', 4], -4, '83a2036101a2036202a20363fc'],
    ['order', SMALL, [64, 3], NOTHING, '83c70003c0a2036101a2036202'],
    ['clear keeps the order', ORDERED, [75], NOTHING, '81c70001c0'],
    ['remove by key', SMALL, [76, VALUE, 'a'], 1, '81a2036202'],
    ['remove by key that is not there', SMALL, [76, VALUE, 'x'], NOTHING, '82a2036101a2036202'],
    ['remove by value list', SMALL, [83, KEY, [2, 8]], ['b'], '81a2036101'],
    ['operation of lists', SMALL, [1, 5], failed(INCOMPATIBLE_TYPE), '82a2036101a2036202'],
    ['code that there is not', SMALL, [71], failed(PARAMETER), '82a2036101a2036202'],
  ])('%s', (_what, start, operation, answer, after) => {
    expect(modify(start, ...operation)).toEqual({ answer, after })
  })
})

describe('map reads', () => {
  it('answers an ordered map by key, whatever it was selected by', () => {
    const answer = read(ORDERED, 106, 17, 2, 3)
    expect(answer instanceof Map ? [...answer.keys()] : answer).toEqual(['a', 'd', 'e'])
  })

  it.each<[string, Start, Argument[], Outcome]>([
    ['size', ORDERED, [96], 5],
    ['by key', ORDERED, [97, VALUE, 'd'], 9],
    ['by key, rank', ORDERED, [97, RANK, 'e'], 2],
    ['by key that is not there, rank', ORDERED, [97, RANK, 'x'], -1],
    ['by key that is not there, pair', ORDERED, [97, KEY_VALUE, 'x'], new Map()],
    ['by index', ORDERED, [98, KEY, -1], 'e'],
    ['by index past the end', ORDERED, [98, KEY, 5], failed(OP_NOT_APPLICABLE)],
    ['by rank', ORDERED, [100, KEY, 1], 'c'],
    ['by value', ORDERED, [102, KEY, 3], ['c', 'e']],
    ['by key interval', ORDERED, [103, KEY, 'b', 'd'], ['b', 'c']],
    ['by index range', ORDERED, [104, RANK, 1, 3], [0, 1, 4]],
    ['by value interval', ORDERED, [105, KEY, 3, 9], ['a', 'c', 'e']],
    ['by rank range', ORDERED, [106, KEY, 1, 3], ['c', 'e', 'a']],
    ['by rank range inverted', ORDERED, [106, KEY | INVERTED, 1, 2], ['a', 'b', 'd']],
    ['by rank range, indexes', ORDERED, [106, INDEX, 2, 3], [4, 0, 3]],
    ['by rank range, reverse indexes', ORDERED, [106, REVERSE_INDEX, 2, 3], [0, 4, 1]],
    ['by an empty rank range inverted', ORDERED, [106, KEY | INVERTED, 9], ['b', 'c', 'e', 'a', 'd']],
    [
      'by value interval, inverted to all, reverse',
      ORDERED,
      [105, REVERSE_INDEX | INVERTED, 50],
      [0, 1, 2, 3, 4],
    ],
    ['by key inverted', ORDERED, [97, KEY | INVERTED, 'a'], failed(OP_NOT_APPLICABLE)],
    ['by key that is not there inverted', ORDERED, [97, INDEX | INVERTED, 'x'], -1],
    [
      'by first value that is not there inverted',
      ORDERED,
      [99, INDEX | INVERTED, 50],
      failed(OP_NOT_APPLICABLE),
    ],
    ['by key list', ORDERED, [107, KEY, ['d', 'a', 'zz']], ['a', 'd']],
    ['by key list, index', ORDERED, [107, INDEX, ['d', 'a', 'd']], [3, 0, 3]],
    ['by key list, index, unordered', UNORDERED, [107, INDEX, ['d', 'a', 'd']], [0, 3]],
    ['by key list, rank', ORDERED, [107, RANK, ['d']], failed(OP_NOT_APPLICABLE)],
    ['by no keys', ORDERED, [107, COUNT, []], 0],
    ['by no keys inverted', ORDERED, [107, COUNT | INVERTED, []], failed(PARAMETER)],
    ['by value list', ORDERED, [108, RANK, [9, 3, 1]], [4, 1, 2, 0]],
    ['by index relative to a key', ORDERED, [109, KEY, 'bb', -1, 2], ['b', 'c']],
    ['by rank relative to a value', ORDERED, [110, VALUE, 5, -2, 3], [3, 3, 7]],
    [
      'pairs',
      ORDERED,
      [104, KEY_VALUE, 3],
      new Map<string, number>([
        ['d', 9],
        ['e', 3],
      ]),
    ],
    [
      'by key that is not there inverted, unordered',
      UNORDERED,
      [97, INDEX | INVERTED, 'x'],
      failed(OP_NOT_APPLICABLE),
    ],
    ['range of a key that is not there', ORDERED, [97, 9, 'x'], [-1, 0]],
    ['range of a value that is not there', ORDERED, [99, 11, 5], [3, 0]],
    ['range of a value that is not there, empty', hexMap('80'), [99, 11, 5], [-1, 0]],
    ['range of nothing begins where it would', ORDERED, [104, 9, 2, 0], [2, 0]],
    ['range of nothing, reverse', ORDERED, [104, 10, 9], [5, 0]],
    ['range of no keys, reverse, unordered', UNORDERED, [103, 10, 'x', 'z'], [0, 0]],
    ['range of first indexes inverted', ORDERED, [104, 9 | INVERTED, 0, 2], [2, 3]],
    ['range of last indexes inverted, reverse', ORDERED, [104, 10 | INVERTED, 3], [2, 3]],
    ['range of all indexes inverted', ORDERED, [104, 9 | INVERTED, 0], [5, 0]],
    ['range of no indexes inverted', ORDERED, [104, 9 | INVERTED, 9], [0, 5]],
    ['range of middle indexes inverted', ORDERED, [104, 9 | INVERTED, 1, 2], failed(OP_NOT_APPLICABLE)],
    ['range of keys inverted', ORDERED, [103, 9 | INVERTED, 'a', 'b'], [1, 4]],
    [
      'range of keys inverted, unordered',
      UNORDERED,
      [103, 9 | INVERTED, 'a', 'b'],
      failed(OP_NOT_APPLICABLE),
    ],
    ['range of values inverted', ORDERED, [105, 11 | INVERTED, 9], failed(OP_NOT_APPLICABLE)],
    ['range of values that are not there inverted', ORDERED, [105, 11 | INVERTED, 50], [0, 5]],
    ['range of values inverted, empty', hexMap('80'), [105, 11 | INVERTED, 50], [-1, 0]],
    ['exists inverted by index', ORDERED, [104, EXISTS | INVERTED, 1, 2], true],
    ['exists inverted by index, unordered', UNORDERED, [104, EXISTS | INVERTED, 1, 2], false],
    ['exists inverted by rank', ORDERED, [106, EXISTS | INVERTED, 1, 2], false],
    ['exists inverted by first rank', ORDERED, [106, EXISTS | INVERTED, 0, 1], true],
    ['exists inverted by last ranks', ORDERED, [106, EXISTS | INVERTED, 3], true],
    ['exists inverted by all ranks', ORDERED, [106, EXISTS | INVERTED, 0], false],
    ['exists inverted by last indexes, unordered', UNORDERED, [104, EXISTS | INVERTED, -2], true],
    ['exists inverted by value, which is the lowest', ORDERED, [102, EXISTS | INVERTED, 1], false],
    ['exists inverted by highest values', ORDERED, [105, EXISTS | INVERTED, 9], false],
    ['exists inverted by value that is not there', ORDERED, [102, EXISTS | INVERTED, 5], true],
    ['exists inverted by first keys', ORDERED, [103, EXISTS | INVERTED, 'a', 'b'], true],
    ['exists inverted by first keys, unordered', UNORDERED, [103, EXISTS | INVERTED, 'a', 'b'], false],
    ['exists inverted by keys, empty', hexMap('80'), [103, EXISTS | INVERTED, 'a', 'b'], true],
    [
      'exists inverted by keys, empty and ordered',
      hexMap('81c70001c0'),
      [103, EXISTS | INVERTED, 'a'],
      false,
    ],
    ['exists inverted by value, empty', hexMap('80'), [102, EXISTS | INVERTED, 1], false],
  ])('%s', (_what, start, operation, answer) => {
    expect(read(start, ...operation)).toEqual(answer)
  })
})

describe('contexts', () => {
  const APPEND: Argument[] = [1, 9]
  const NESTED = list([1], [2])
  const ORDERED_NESTED = { type: PARTICLE_TYPES.LIST, value: Buffer.from('93c7000191039105', 'hex') }

  it.each<[string, Start | undefined, Argument[], Outcome, string | undefined]>([
    ['list index', NESTED, inContext([0x10, -1], ...APPEND), 2, '929101920209'],
    ['list rank', NESTED, inContext([0x11, 0], ...APPEND), 2, '929201099102'],
    ['list value', NESTED, inContext([0x13, [2]], ...APPEND), 2, '929101920209'],
    ['map key', hexMap('81a203619101'), inContext([0x22, 'a'], ...APPEND), 2, '81a20361920109'],
    ['map index', hexMap('81a203619101'), inContext([0x20, 0], ...APPEND), 2, '81a20361920109'],
    [
      'map rank',
      hexMap('82a203619103a203629101'),
      inContext([0x21, 0], ...APPEND),
      2,
      '82a203619103a20362920109',
    ],
    [
      'map value',
      hexMap('82a203619103a203629101'),
      inContext([0x23, [1]], ...APPEND),
      2,
      '82a203619103a20362920109',
    ],
    ['two levels', list([[1]]), inContext([0x10, 0, 0x10, 0], ...APPEND), 2, '9191920109'],
    ['not there', NESTED, inContext([0x10, 2], ...APPEND), failed(OP_NOT_APPLICABLE), '9291019102'],
    [
      'of the other family',
      NESTED,
      inContext([0x22, 'a'], ...APPEND),
      failed(OP_NOT_APPLICABLE),
      '9291019102',
    ],
    ['to what is no list', list(1), inContext([0x10, 0], ...APPEND), failed(INCOMPATIBLE_TYPE), '9101'],
    ['without levels', NESTED, inContext([], ...APPEND), failed(PARAMETER), '9291019102'],
    ['half a level', NESTED, inContext([0x10], ...APPEND), failed(PARAMETER), '9291019102'],
    ['creates a map entry', undefined, inContext([0xa2, 'a'], ...APPEND), 1, '82c70001c0a203619109'],
    ['creates all below', undefined, inContext([0x62, 'a', 0x22, 'b'], ...APPEND), 1, '81a2036181a203629109'],
    ['creates a next element', NESTED, inContext([0x50, 2], ...APPEND), 1, '93910191029109'],
    [
      'creates none past the end',
      NESTED,
      inContext([0x50, 3], ...APPEND),
      failed(OP_NOT_APPLICABLE),
      '9291019102',
    ],
    ['creates one past the end', NESTED, inContext([0x90, 3], ...APPEND), 1, '9491019102c09109'],
    ['creates nothing for a removal', undefined, inContext([0x62, 'a'], 5, 0), NOTHING, undefined],
    [
      'keeps an ordered list sorted',
      ORDERED_NESTED,
      inContext([0x10, 0], 9, 0, 7),
      NOTHING,
      '93c7000191059107',
    ],
    ['creates in an ordered list', ORDERED_NESTED, inContext([0x50, 7], 1, 4), 1, '94c70001910391049105'],
  ])('%s', (_what, start, operation, answer, after) => {
    expect(modify(start, ...operation)).toEqual({ answer, after })
  })

  it('reads through one', () => {
    expect(read(NESTED, ...inContext([0x10, 1], 17, 0))).toBe(2)
    expect(read(NESTED, ...inContext([0x10, 2], 16))).toEqual(failed(OP_NOT_APPLICABLE))
    expect(read(undefined, ...inContext([0x10, 0], 16))).toBe(NOTHING)
  })
})
