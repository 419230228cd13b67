import { describe, expect, it } from '@jest/globals'
import { Double, OPERATION_CODES, RESULT_CODES } from '../../../../lib/protocol/index.ts'
import {
  type Argument,
  hexList,
  INFINITY,
  inContext,
  list,
  Msgpack,
  modify,
  NOTHING,
  type Outcome,
  read,
  run,
  type Start,
  WILDCARD,
} from '../support/operation-lab.ts'

// What is expected here was answered by a real server (8.1.2).

const { OP_NOT_APPLICABLE, PARAMETER, ELEMENT_EXISTS, INCOMPATIBLE_TYPE } = RESULT_CODES
const failed = (resultCode: number): Outcome => ({ resultCode })

const UNORDERED = list(7, 3, 9, 3, 1)
const ORDERED = hexList('96c700010103030709')
const INVERTED = 0x10000
const [INDEX, REVERSE_INDEX, RANK, REVERSE_RANK, COUNT, VALUE, EXISTS] = [1, 2, 3, 4, 5, 7, 13]

describe('list writes', () => {
  it.each<[string, Start | undefined, Argument[], Outcome, string | undefined]>([
    ['append', list(1), [1, 'a'], 2, '9201a20361'],
    ['append to nothing', undefined, [1, 5], 1, '9105'],
    ['append to nothing, ordered', undefined, [1, 5, 1], 1, '92c7000105'],
    ['append keeps an ordered list sorted', ORDERED, [1, 4], 6, '97c70001010303040709'],
    ['append that is there', list(1, 2), [1, 2, 0, 1], failed(ELEMENT_EXISTS), '920102'],
    ['append that is there, no fail', list(1, 2), [1, 2, 0, 5], 2, '920102'],
    [
      'append of a double next to its integer',
      list(1),
      [1, new Double(1), 0, 1],
      2,
      '9201cb3ff0000000000000',
    ],
    ['append of a wildcard', list(1), [1, WILDCARD], failed(PARAMETER), '9101'],
    ['append of a long integer', list(1), [1, new Msgpack('cd0002')], 2, '920102'],
    ['appendItems', list(9), [2, [3, 1]], 3, '93090301'],
    ['appendItems unique, partly', list(1, 2), [2, [2, 3, 4, 3], 0, 13], 4, '9401020304'],
    ['appendItems unique, no fail', list(1, 2), [2, [2, 3], 0, 5], 2, '920102'],
    ['appendItems unique, one given twice', list(5), [2, [1, 1], 0, 1], failed(OP_NOT_APPLICABLE), '9105'],
    [
      'appendItems unique, one there and one twice',
      list(1),
      [2, [1, 7, 7], 0, 1],
      failed(ELEMENT_EXISTS),
      '9101',
    ],
    [
      'appendItems unique to an ordered list: twice goes first',
      hexList('92c7000101'),
      [2, [1, 7, 7], 0, 1],
      failed(OP_NOT_APPLICABLE),
      '92c7000101',
    ],
    ['append with more than it knows', list(1), [1, 2, 0, 0, 0], failed(PARAMETER), '9101'],
    ['append to nothing with more than it knows', undefined, [1, 2, 0, 0, 0], failed(PARAMETER), undefined],
    ['clear passes over what follows', list(1), [11, 1, 2], NOTHING, '90'],
    ['sort of nothing', undefined, [13], failed(INCOMPATIBLE_TYPE), undefined],
    ['sort at a new level', list(1), inContext([0x50, 1], 13), NOTHING, '9101'],
    ['insert at a new level, kept away', undefined, inContext([0xd0, 1], 3, 5, 1, 6), 0, undefined],
    ['insert into nothing, kept away', undefined, [3, 5, 1, 6], 0, '90'],
    ['appendItems of no list', list(1), [2, 5], failed(PARAMETER), '9101'],
    ['insert before the last', list(1, 2), [3, -1, 9], 3, '93010902'],
    ['insert past the end', list(1), [3, 3, 9], 4, '9401c0c009'],
    ['insert past the end, bounded', list(1), [3, 3, 9, 2], failed(OP_NOT_APPLICABLE), '9101'],
    ['insert past the end, bounded, no fail', list(1), [3, 3, 9, 6], 1, '9101'],
    ['insert before the start', list(1), [3, -2, 9, 4], failed(OP_NOT_APPLICABLE), '9101'],
    ['insert into an ordered list', ORDERED, [3, 0, 9], failed(OP_NOT_APPLICABLE), '96c700010103030709'],
    ['insertItems', list(1, 2), [4, 1, [8, 9]], 4, '9401080902'],
    ['set', list(1, 2), [9, -1, 5], NOTHING, '920105'],
    ['set past the end', list(1), [9, 2, 5], NOTHING, '9301c005'],
    ['set to what it is, unique', list(1, 2), [9, 0, 1, 1], NOTHING, '920102'],
    ['set to what another is, unique', list(1, 2), [9, 0, 2, 1], failed(ELEMENT_EXISTS), '920102'],
    ['increment', list(5), [12, 0], 6, '9106'],
    ['increment of an integer by a double', list(1), [12, 0, 1.5], 2, '9102'],
    ['increment of a double by an integer', list(1.5), [12, 0, 2], 3.5, '91cb400c000000000000'],
    [
      'increment past 64 bits',
      list(0x7fffffffffffffffn),
      [12, 0, 1],
      -0x8000000000000000n,
      '91d38000000000000000',
    ],
    ['increment of nothing', list(1), [12, 2, 4], 4, '9301c004'],
    ['increment of text', list('a'), [12, 0, 1], failed(PARAMETER), '91a20361'],
    ['increment that would repeat', list(1, 2, 9), [12, 0, 1, 0, 5], 2, '93010209'],
    ['sort', list(3, 1, 2), [13, 0], NOTHING, '93010203'],
    ['sort downwards', list(3, 1, 2), [13, 1], NOTHING, '93030201'],
    ['sort without duplicates', list(3, 1, 3), [13, 2], NOTHING, '920103'],
    ['sort of nothing', undefined, [13, 0], failed(INCOMPATIBLE_TYPE), undefined],
    ['order', list(3, 1), [0, 1], NOTHING, '93c700010103'],
    ['order that there is not', list(3, 1), [0, 2], failed(OP_NOT_APPLICABLE), '920301'],
    ['pop', list(1, 2), [5, 0], 1, '9102'],
    ['pop of nothing', undefined, [5, 0], NOTHING, undefined],
    ['pop past the end', list(1), [5, 1], failed(OP_NOT_APPLICABLE), '9101'],
    ['popRange', list(1, 2, 3), [6, 1], [2, 3], '9101'],
    ['remove', list(1, 2), [7, -1], 1, '9101'],
    ['removeRange', list(1, 2, 3), [8, -5, 3], 1, '920203'],
    ['trim', list(1, 2, 3), [10, 1, 1], 2, '9102'],
    ['clear keeps the order', ORDERED, [11], NOTHING, '91c70001'],
  ])('%s', (_what, start, operation, answer, after) => {
    expect(modify(start, ...operation)).toEqual({ answer, after })
  })
})

describe('list reads', () => {
  it.each<[string, Start, Argument[], Outcome]>([
    ['size', UNORDERED, [16], 5],
    ['get', UNORDERED, [17, -1], 1],
    ['get past the end', UNORDERED, [17, 5], failed(OP_NOT_APPLICABLE)],
    ['get of nil', list(null), [17, 0], NOTHING],
    ['getRange', UNORDERED, [18, -9, 5], [7]],
    ['by index: equal elements share a rank', UNORDERED, [19, RANK, 3], 1],
    ['all by index: every rank', UNORDERED, [24, RANK, 0], [0, 1, 2, 3, 4]],
    ['by first value', UNORDERED, [20, INDEX, 3], 1],
    ['by first value that is not there', UNORDERED, [20, INDEX, 8], -1],
    ['by rank', UNORDERED, [21, VALUE, -1], 9],
    ['by rank past the end', UNORDERED, [21, COUNT, 5], failed(OP_NOT_APPLICABLE)],
    ['by value', UNORDERED, [22, REVERSE_INDEX, 3], [3, 1]],
    ['by value, reverse rank', UNORDERED, [22, REVERSE_RANK, 3], [2, 3]],
    ['by value list', UNORDERED, [23, VALUE, [9, 3, 100]], [3, 9, 3]],
    ['by value list, ranks of the request', UNORDERED, [23, RANK, [3, 9, 3, 1]], [4, 1, 2, 0]],
    ['by value list, ordered: repeats', ORDERED, [23, VALUE, [3, 3]], [3, 3, 3, 3]],
    ['by value list, ordered: counts once', ORDERED, [23, COUNT, [3, 3]], 2],
    ['by index range', UNORDERED, [24, REVERSE_INDEX, 1, 2], [2, 3]],
    ['by index range inverted', UNORDERED, [24, REVERSE_INDEX | INVERTED, 1, 2], [4, 0, 1]],
    ['by value interval', UNORDERED, [25, VALUE, 3, 9], [7, 3, 3]],
    ['by value interval from nil', list(null, 1, 2), [25, INDEX, null, 2], [0, 1]],
    ['by value interval to infinity', UNORDERED, [25, INDEX, 3, INFINITY], [0, 1, 2, 3]],
    ['by rank range, lower half', UNORDERED, [26, VALUE, 0, 2], [3, 1]],
    ['by rank range, upper half', UNORDERED, [26, VALUE, 2], [3, 7, 9]],
    ['by rank range inverted', UNORDERED, [26, VALUE | INVERTED, 0, 2], [7, 9, 3]],
    ['by rank relative to a value', UNORDERED, [27, INDEX, 4, -2, 3], [0, 1, 3]],
    ['exists', UNORDERED, [22, EXISTS, 4], false],
    ['exists inverted, by value', UNORDERED, [22, EXISTS | INVERTED, 3], false],
    ['exists inverted, by last ranks', UNORDERED, [26, EXISTS | INVERTED, 3], false],
    ['exists inverted, by value, of nothing', list(), [22, EXISTS | INVERTED, 3], true],
    ['exists inverted, by rank, of nothing', list(), [26, EXISTS | INVERTED, 0], false],
    ['exists inverted, ordered', ORDERED, [22, EXISTS | INVERTED, 3], true],
    ['one element inverted', UNORDERED, [19, VALUE | INVERTED, 0], failed(OP_NOT_APPLICABLE)],
    ['return type of maps', UNORDERED, [24, 6, 0, 1], failed(OP_NOT_APPLICABLE)],
    ['range of indexes', UNORDERED, [24, 9, 1, 2], [1, 2]],
    ['range of ranks by index', UNORDERED, [24, 11, 1, 2], failed(OP_NOT_APPLICABLE)],
    ['range of nothing begins where it would', UNORDERED, [24, 9, 2, 0], [2, 0]],
    ['range of nothing, reverse', UNORDERED, [24, 10, 9], [5, 0]],
    ['range of no ranks by index', UNORDERED, [24, 11, 2, 0], [2, 0]],
    ['range of a value that is not there', UNORDERED, [20, 11, 8], [4, 0]],
    ['range of a value that is not there, reverse', UNORDERED, [20, 12, 8], [1, 0]],
    ['range of a value that is not there, ordered', ORDERED, [20, 11, 8], [0, 0]],
    ['range of values that are not there, reverse', UNORDERED, [25, 12, 100], [0, 0]],
    ['range of all ranks inverted', UNORDERED, [26, 11 | INVERTED, 0], [0, 0]],
    ['range of some ranks inverted', UNORDERED, [26, 11 | INVERTED, 0, 2], failed(OP_NOT_APPLICABLE)],
    ['range of all indexes inverted', UNORDERED, [24, 9 | INVERTED, 0], failed(OP_NOT_APPLICABLE)],
    ['a wildcard takes the rest', list([1, 2, 3], [1], [1, 2]), [22, INDEX, [1, WILDCARD]], [0, 2]],
    ['a wildcard ends outer lists too', list([[1], 6], [[0], 9]), [22, INDEX, [[WILDCARD], 5]], [0, 1]],
    ['too few arguments', UNORDERED, [27, VALUE, 0], failed(PARAMETER)],
    ['code that there is not', UNORDERED, [28], failed(PARAMETER)],
    ['operation that modifies', UNORDERED, [1, 5], failed(PARAMETER)],
    ['operation of maps', UNORDERED, [96], failed(INCOMPATIBLE_TYPE)],
  ])('%s', (_what, start, operation, answer) => {
    expect(read(start, ...operation)).toEqual(answer)
  })
})

describe('list removals', () => {
  it.each<[string, Start, Argument[], Outcome, string]>([
    ['by index range', UNORDERED, [37, VALUE, 1, 3], [3, 9, 3], '920701'],
    ['by rank range', UNORDERED, [39, INDEX, 0, 3], [1, 3, 4], '920709'],
    ['by value list', UNORDERED, [36, COUNT, [9, 3]], 3, '920701'],
    ['inverted', UNORDERED, [38, VALUE | INVERTED, 3, 9], [9, 1], '93070303'],
    ['nothing selected', UNORDERED, [35, COUNT, 8], 0, '950703090301'],
    ['without an answer', UNORDERED, [32, 0, 0], NOTHING, '9403090301'],
  ])('%s', (_what, start, operation, answer, after) => {
    expect(modify(start, ...operation)).toEqual({ answer, after })
  })
})

describe('payloads', () => {
  it.each([
    ['empty', ''],
    ['no list', '8001'],
    ['cut off', '9201'],
    ['without code', '90'],
  ])('%s', (_what, hex) => {
    expect(run(OPERATION_CODES.CDT_MODIFY, list(1), Buffer.from(hex, 'hex'))).toEqual({
      answer: failed(PARAMETER),
      after: '9101',
    })
  })

  it('answers an empty result only when every operation has to', () => {
    expect(run(OPERATION_CODES.CDT_READ, undefined, [16]).answer).toBe(NOTHING)
    expect(run(OPERATION_CODES.CDT_READ, undefined, [16], true).answer).toBeNull()
    expect(run(OPERATION_CODES.CDT_MODIFY, list(1), [11], true).answer).toBeNull()
  })
})
