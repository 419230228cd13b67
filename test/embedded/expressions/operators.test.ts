import { describe, expect, it } from '@jest/globals'
import type { Value } from '../../../lib/protocol/index.ts'
import type { Argument } from '../operations/support/operation-lab.ts'
import {
  bin,
  bytes,
  evaluate,
  float,
  list,
  REFUSED,
  UNKNOWN,
  UNKNOWN_OPERATOR,
  unorderedMap,
} from './support/expression-lab.ts'

// What is expected here was answered by a real server (8.1.2), unless it says otherwise.

const MISSING = bin.integer('none')
const UNKNOWN_BOOLEAN = [1, MISSING, 1]
const [EQ, NE, GT, GE, LT, LE] = [1, 2, 3, 4, 5, 6]
/** {a: 1}, and {} */
const UNORDERED = unorderedMap('81a2036101')
const EMPTY_UNORDERED = unorderedMap('80')

describe('comparisons', () => {
  it.each<[string, Argument, Value]>([
    ['integers', [LT, bin.integer('five'), 6], true],
    ['integers beyond 53 bits', [GT, bin.integer('largest'), 2n ** 63n - 2n], true],
    ['same integers', [GE, bin.integer('five'), 5], true],
    ['floats', [LE, bin.float('half'), float(3)], true],
    ['NaN equals nothing', [EQ, bin.float('nan'), bin.float('nan')], false],
    ['NaN differs from everything', [NE, bin.float('nan'), float(1)], true],
    ['NaN is not above', [GE, bin.float('nan'), float(1)], false],
    ['zeros of two signs', [EQ, float(0), float(-0)], true],
    ['strings by their bytes', [LT, bin.string('hello'), 'help'], true],
    ['shorter string first', [GT, bin.string('hello'), 'hell'], true],
    ['blobs', [LT, bytes(''), bytes('00')], true],
    ['booleans', [LT, false, true], true],
    ['nils', [EQ, null, null], true],
    ['lists', [LT, bin.list('list'), list(4)], true],
    ['lists by the types of their elements', [LT, list(1), list('a')], true],
    ['list with a wildcard', [EQ, list(3, unorderedMap('d4ff00')), bin.list('list')], true],
    [
      'ordered maps',
      [
        LT,
        bin.map('map'),
        new Map([
          ['a', 1],
          ['b', 2],
          ['c', 4],
        ]),
      ],
      true,
    ],
    ['unordered map', [EQ, UNORDERED, bin.map('map')], UNKNOWN],
    ['unordered map, though sizes differ', [LT, bin.map('map'), UNORDERED], UNKNOWN],
    ['unordered map that is empty', [EQ, EMPTY_UNORDERED, new Map()], true],
    ['unordered map in a list', [EQ, list(UNORDERED), list(UNORDERED)], UNKNOWN],
    ['unordered map against an integer', [EQ, list(UNORDERED), list(1)], UNKNOWN],
    ['unordered map behind what decides', [EQ, list(1, UNORDERED), list(2, UNORDERED)], false],
    ['two types', [EQ, bin.integer('five'), float(5)], REFUSED],
    ['string and blob', [EQ, 'a', bytes('61')], REFUSED],
    ['nil and integer', [EQ, null, 0], REFUSED],
    ['GeoJSON', [EQ, bin.geoJson('g'), bin.geoJson('g')], REFUSED],
    ['HyperLogLogs', [EQ, bin.hll('h'), bin.hll('h')], REFUSED],
    ['three', [EQ, 1, 1, 1], REFUSED],
    ['one', [EQ, 1], REFUSED],
    ['unknown on the left', [NE, MISSING, 1], UNKNOWN],
    ['unknown on the right', [NE, 1, MISSING], UNKNOWN],
    ['value in a list', [9, 3, bin.list('list')], true],
    ['value not in a list', [9, 9, bin.list('list')], false],
    ['value of another type', [9, '3', bin.list('list')], false],
    ['nil in a list', [9, null, bin.list('mixed')], true],
    ['list in a list', [9, list(1), bin.list('mixed')], true],
    ['map in a list, whatever its order', [9, unorderedMap('81a2036b01'), bin.list('mixed')], true],
    ['unknown in a list', [9, MISSING, bin.list('list')], UNKNOWN],
    ['value in what is no list', [9, 1, bin.map('map')], REFUSED],
  ])('%s', (_name, expression, expected) => {
    expect(evaluate(expression)).toEqual(expected)
  })
})

describe('logic', () => {
  const [T, F, U] = [true, false, UNKNOWN_BOOLEAN]
  it.each<[string, Argument, Value]>([
    ['and', [16, T, T, T], true],
    ['and: false decides', [16, T, F], false],
    ['and: false decides behind the unknown', [16, U, F], false],
    ['and: false decides before the unknown', [16, F, U], false],
    ['and: unknown', [16, T, U], UNKNOWN],
    ['or', [17, F, F], false],
    ['or: true decides behind the unknown', [17, U, T], true],
    ['or: unknown', [17, F, U], UNKNOWN],
    ['not', [18, F], true],
    ['not: unknown', [18, U], UNKNOWN],
    ['exclusive: one', [19, F, T, F], true],
    ['exclusive: none', [19, F, F], false],
    ['exclusive: two', [19, T, T], false],
    ['exclusive: two before the unknown', [19, T, T, U], false],
    ['exclusive: unknown before a second', [19, T, U, T], UNKNOWN],
    ['the operator unknown is a boolean', [17, UNKNOWN_OPERATOR, T], true],
    ['and of one', [16, T], REFUSED],
    ['or of none', [17], REFUSED],
    ['exclusive of one', [19, T], REFUSED],
    ['not of two', [18, T, T], REFUSED],
    ['and of an integer', [16, 1, T], REFUSED],
    ['not of a string', [18, 'a'], REFUSED],
  ])('%s', (_name, expression, expected) => {
    expect(evaluate(expression)).toEqual(expected)
  })
})

describe('arithmetic', () => {
  const five = bin.integer('five')
  it.each<[string, Argument, Value]>([
    ['add', [20, five, 2, 3], 10],
    ['add of one', [20, five], 5],
    ['add wraps around', [20, bin.integer('largest'), 1], -(2n ** 63n)],
    ['add of floats', [20, bin.float('half'), float(0.5)], 3],
    ['add of both', [20, five, float(1)], REFUSED],
    ['add of a string', [20, 'a', 1], REFUSED],
    ['add of none', [20], REFUSED],
    ['add of an unknown', [20, five, MISSING], UNKNOWN],
    ['add of the operator unknown', [20, five, UNKNOWN_OPERATOR], REFUSED],
    ['subtract', [21, five, 1, 1], 3],
    ['subtract from zero', [21, five], -5],
    ['subtract from zero, floats', [21, float(0)], 0],
    ['subtract the smallest', [21, bin.integer('smallest')], -(2n ** 63n)],
    ['multiply wraps around', [22, bin.integer('largest'), 2], -2],
    ['divide cuts', [23, -7, 2], -3],
    ['divide by the product', [23, 100, five, 2], 10],
    ['divide by a product that wraps to zero', [23, five, 2n ** 32n, 2n ** 32n], UNKNOWN],
    ['divide floats by the product', [23, float(1e300), float(1e300), float(1e300)], 0],
    ['divide one', [23, 2], 0],
    ['divide one, floats', [23, float(4)], 0.25],
    ['divide by zero', [23, five, 0], UNKNOWN],
    ['divide floats by zero', [23, float(1), float(0)], Number.POSITIVE_INFINITY],
    // A real server ends itself over these two.
    ['divide the smallest by -1', [23, bin.integer('smallest'), -1], UNKNOWN],
    ['remainder of the smallest by -1', [26, bin.integer('smallest'), -1], UNKNOWN],
    ['remainder', [26, 7, 3], 1],
    ['remainder has the sign of the dividend', [26, -7, 3], -1],
    ['remainder by a negative', [26, 7, -3], 1],
    ['remainder by zero', [26, five, 0], UNKNOWN],
    ['remainder of floats', [26, float(7), float(3)], REFUSED],
    ['power', [24, float(2), float(10)], 1024],
    ['power of integers', [24, 2, 3], REFUSED],
    ['one to the power of NaN', [24, float(1), float(Number.NaN)], 1],
    ['minus one to an infinite power', [24, float(-1), float(Number.POSITIVE_INFINITY)], 1],
    ['logarithm', [25, float(8), float(2)], 3],
    ['logarithm of zero', [25, float(0), float(10)], Number.NEGATIVE_INFINITY],
    ['absolute', [27, bin.integer('minus')], 3],
    ['absolute of the smallest', [27, bin.integer('smallest')], -(2n ** 63n)],
    ['absolute of a string', [27, 'a'], REFUSED],
    ['floor', [28, float(-2.1)], -3],
    ['ceiling', [29, float(-2.7)], -2],
    ['floor of an integer', [28, 2], REFUSED],
    ['to integer', [30, float(-3.9)], -3],
    ['to integer, too large', [30, float(1e300)], -(2n ** 63n)],
    ['to integer, NaN', [30, float(Number.NaN)], -(2n ** 63n)],
    ['to integer of an integer', [30, 1], REFUSED],
    ['to float', [31, 3], 3],
    ['to float of a float', [31, float(1)], REFUSED],
    ['least', [50, five, bin.integer('minus'), bin.integer('largest')], -3],
    ['greatest', [51, float(3), float(-1)], 3],
    ['least with NaN first', [50, float(Number.NaN), float(1)], Number.NaN],
    ['least with NaN behind', [50, float(1), float(Number.NaN)], 1],
    ['least of both types', [50, 1, float(2)], REFUSED],
    ['greatest of strings', [51, 'a', 'b'], REFUSED],
    ['least of none', [50], REFUSED],
  ])('%s', (_name, expression, expected) => {
    expect(evaluate(expression)).toEqual(expected)
  })
})

describe('bits of integers', () => {
  it.each<[string, Argument, Value]>([
    ['and', [32, 15, 7, 6], 6],
    ['and of one', [32, 5], 5],
    ['or', [33, 12, 3], 15],
    ['xor', [34, 12, 10], 6],
    ['not', [35, 5], -6],
    ['left', [36, 1, 63], -(2n ** 63n)],
    ['left by 64 is by none', [36, 1, 64], 1],
    ['left by -1 is by 63', [36, 1, -1], -(2n ** 63n)],
    ['right', [37, -16, 2], 2n ** 62n - 4n],
    ['right by none', [37, -1, 64], -1],
    ['right with the sign', [38, -16, 70], -1],
    ['count', [39, 255], 8],
    ['count of a negative', [39, -1], 64],
    ['scan from the left', [40, 5, true], 61],
    ['scan from the left for a zero', [40, 5, false], 0],
    ['scan from the left in vain', [40, 0, true], -1],
    ['scan from the right', [41, 5, true], 63],
    ['scan from the right in vain', [41, -1, false], -1],
    ['scan for an integer', [40, 5, 1], REFUSED],
    ['scan for the unknown', [40, 5, UNKNOWN_BOOLEAN], UNKNOWN],
    ['of a float', [32, float(1), 1], REFUSED],
    ['of an unknown', [34, 1, MISSING], UNKNOWN],
    ['of none', [32], REFUSED],
  ])('%s', (_name, expression, expected) => {
    expect(evaluate(expression)).toEqual(expected)
  })
})
