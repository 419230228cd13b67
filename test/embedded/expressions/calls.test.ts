import { describe, expect, it } from '@jest/globals'
import type { Value } from '../../../lib/protocol/index.ts'
import { type Argument, inContext } from '../operations/support/operation-lab.ts'
import {
  BINS,
  bin,
  bytes,
  evaluate,
  float,
  list,
  REFUSED,
  subjectOf,
  UNKNOWN,
  UNKNOWN_OPERATOR,
} from './support/expression-lab.ts'

// What is expected here was answered by a real server (8.1.2), unless it says otherwise.

const [NIL, BOOLEAN, INTEGER, STRING, LIST, MAP, BLOB, FLOAT] = [0, 1, 2, 3, 4, 5, 6, 7]
const MODIFY = 0x40
const BITS = 1
const VALUE = 7
const COUNT = 5

const read = (type: number, operation: Argument, subject: Argument): Argument => [
  127,
  type,
  0,
  operation,
  subject,
]
const modify = (type: number, operation: Argument, subject: Argument): Argument => [
  127,
  type,
  MODIFY,
  operation,
  subject,
]

describe('calls of list and map operations', () => {
  const numbers = bin.list('list')
  const map = bin.map('map')
  const nested = bin.map('nested')
  it.each<[string, Argument, Value]>([
    ['size', read(INTEGER, [16], numbers), 3],
    ['size, declared as something else', read(STRING, [16], numbers), UNKNOWN],
    ['size of a map', read(INTEGER, [16], map), UNKNOWN],
    ['size of an integer', read(INTEGER, [16], 5), REFUSED],
    ['size of a blob', read(INTEGER, [16], bin.blob('blob')), REFUSED],
    ['size of nothing', read(INTEGER, [16], null), UNKNOWN],
    ['size of the operator unknown', read(INTEGER, [16], UNKNOWN_OPERATOR), REFUSED],
    ['size of a missing bin', read(INTEGER, [16], bin.list('none')), UNKNOWN],
    ['element', read(INTEGER, [19, VALUE, 0], numbers), 3],
    ['element by an expression', read(INTEGER, [19, VALUE, [20, 0, 1]], numbers), 1],
    ['element by an unknown', read(INTEGER, [19, VALUE, bin.integer('none')], numbers), UNKNOWN],
    ['element past the end', read(INTEGER, [19, VALUE, 9], numbers), UNKNOWN],
    ['element that is nil', read(NIL, [19, VALUE, 3], bin.list('mixed')), null],
    ['element of each type', read(FLOAT, [19, VALUE, 2], bin.list('mixed')), 1.5],
    ['element that is a boolean', read(BOOLEAN, [19, VALUE, 4], bin.list('mixed')), true],
    ['element that is a blob', read(BLOB, [19, VALUE, 7], bin.list('mixed')), bytes('09')],
    ['return type by an expression', read(INTEGER, [19, [20, 5, 2], 0], numbers), 3],
    ['list of values', read(INTEGER, [23, COUNT, list(1, 3, 9)], numbers), 2],
    ['list of values from a bin', read(INTEGER, [23, COUNT, numbers], numbers), 3],
    ['value that is computed', read(INTEGER, [22, COUNT, [20, float(1), float(0.5)]], bin.list('mixed')), 1],
    ['key', read(INTEGER, [97, VALUE, 'b'], map), 2],
    ['key that is missing', read(INTEGER, [97, VALUE, 'zz'], map), UNKNOWN],
    ['key exists', read(BOOLEAN, [97, 13, 'zz'], map), false],
    ['keys', [101, map], ['a', 'b', 'c']],
    ['values', [102, map], [1, 2, 3]],
    ['keys of a list', [101, numbers], UNKNOWN],
    ['keys of an integer', [101, 5], UNKNOWN],
    ['append', modify(LIST, [1, 9], numbers), [3, 1, 2, 9]],
    ['append to nothing', modify(LIST, [1, 9], null), [9]],
    ['append to a missing bin', modify(LIST, [1, 9], bin.list('none')), UNKNOWN],
    ['append, declared as its answer', modify(INTEGER, [1, 9], numbers), UNKNOWN],
    ['append that does nothing', modify(LIST, [1, 1, 0, 5], numbers), [3, 1, 2]],
    ['append that fails', modify(LIST, [1, 1, 0, 1], numbers), UNKNOWN],
    ['append of a bin of each kind', modify(LIST, [2, bin.list('mixed')], list()), BINS.mixed as Value],
    ['remove from nothing', modify(LIST, [7, 0], null), UNKNOWN],
    ['sort of nothing', modify(LIST, [13], null), UNKNOWN],
    [
      'put',
      modify(MAP, [67, 'a', list(1)], map),
      new Map<Value, Value>([
        ['a', [1]],
        ['b', 2],
        ['c', 3],
      ]),
    ],
    ['put, then size', read(INTEGER, [96], modify(MAP, [67, 'q', 1], map)), 4],
    ['read as a change', modify(INTEGER, [16], numbers), UNKNOWN],
    ['change as a read', read(INTEGER, [1, 9], numbers), UNKNOWN],
    ['operation there is not', read(INTEGER, [15], numbers), UNKNOWN],
    ['arguments missing', read(INTEGER, [19, VALUE], numbers), UNKNOWN],
    ['in a context', read(INTEGER, inContext([0x22, 'l', 0x10, 1, 0x22, 'q'], 16), nested), 2],
    [
      'in a context, by an expression',
      read(INTEGER, inContext([0x22, 'l', 0x10, 1, 0x22, 'q'], 19, VALUE, [20, 0, 1]), nested),
      8,
    ],
    ['in a context that leads nowhere', read(INTEGER, inContext([0x22, 'zz'], 16), nested), UNKNOWN],
    ['in an empty context', read(INTEGER, inContext([], 16), nested), UNKNOWN],
    [
      'in a context of the other kind',
      modify(MAP, inContext([0x22, 'l'], 1, 9), nested),
      new Map<Value, Value>([['l', [1, new Map([['q', [7, 8]]]), 9]]]),
    ],
    [
      'in a context that is created',
      modify(MAP, inContext([0x62, 'zz'], 1, 9), null),
      new Map([['zz', [9]]]),
    ],
    ['no operation', read(INTEGER, [], numbers), REFUSED],
    ['operation that is no list', read(INTEGER, 16, numbers), REFUSED],
    ['code by an expression', read(INTEGER, [[20, 8, 8]], numbers), REFUSED],
    ['items that are not quoted', modify(LIST, [2, [1, 2]], numbers), REFUSED],
    ['context with something behind', read(INTEGER, [0xff, [0x22, 'l'], [16], 1], nested), REFUSED],
    ['result type there is not', read(10, [16], numbers), REFUSED],
    ['module there is not', [127, INTEGER, 3, [16], numbers], REFUSED],
    ['without a subject', [127, INTEGER, 0, [16]], REFUSED],
  ])('%s', (_name, expression, expected) => {
    expect(evaluate(expression)).toEqual(expected)
  })

  it('leaves the record as it is', () => {
    const subject = subjectOf()
    evaluate(modify(LIST, [1, 9], numbers), subject)
    expect(evaluate(numbers, subject)).toEqual([3, 1, 2])
  })
})

describe('calls of bit operations', () => {
  const blob = bin.blob('blob')
  it.each<[string, Argument, Value]>([
    ['count', [127, INTEGER, BITS, [51, 0, 24], blob], 4],
    ['count by expressions', [127, INTEGER, BITS, [51, [20, 0, 0], [20, 4, 4]], blob], 1],
    ['count behind the end', [127, INTEGER, BITS, [51, 0, 800], blob], UNKNOWN],
    ['count, declared as a blob', [127, BLOB, BITS, [51, 0, 8], blob], UNKNOWN],
    ['get', [127, BLOB, BITS, [50, 8, 8], blob], bytes('02')],
    ['scan for what an expression gives', [127, INTEGER, BITS, [52, 0, 8, bin.boolean('yes')], blob], 7],
    ['or with a bin', [127, BLOB, BITS | MODIFY, [4, 0, 8, blob, 0], blob], bytes('010203')],
    ['resize', [127, BLOB, BITS | MODIFY, [0, 5, 0, 1], blob], bytes('0000010203')],
    ['resize of nothing', [127, BLOB, BITS | MODIFY, [0, 4, 0, 0], null], bytes('00000000')],
    ['set in nothing', [127, BLOB, BITS | MODIFY, [3, 0, 8, bytes('01'), 0], null], UNKNOWN],
    ['set that does nothing', [127, BLOB, BITS | MODIFY, [3, 80, 8, bytes('01'), 4], blob], bytes('010203')],
    // A real server ends itself over this one.
    ['count in nothing', [127, INTEGER, BITS, [51, 0, 8], null], UNKNOWN],
    ['count in a list', [127, INTEGER, BITS, [51, 0, 8], bin.list('list')], REFUSED],
  ])('%s', (_name, expression, expected) => {
    expect(evaluate(expression)).toEqual(expected)
  })
})
