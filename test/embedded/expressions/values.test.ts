import { describe, expect, it } from '@jest/globals'
import { GeoJson, type Value } from '../../../lib/protocol/index.ts'
import { type Argument, Msgpack } from '../operations/support/operation-lab.ts'
import {
  bin,
  bytes,
  evaluate,
  float,
  list,
  REFUSED,
  raw,
  subjectOf,
  UNKNOWN,
  UNKNOWN_OPERATOR,
  UNSUPPORTED,
} from './support/expression-lab.ts'

// What is expected here was answered by a real server (8.1.2), unless it says otherwise.

const POINT = '{"type":"Point","coordinates":[1,2]}'

describe('literals', () => {
  it.each<[string, Argument, Value]>([
    ['nil', null, null],
    ['true', true, true],
    ['integer', -7, -7],
    ['integer of 64 bits without a sign', new Msgpack('cfffffffffffffffff'), -1],
    ['double', float(2), 2],
    ['double of 32 bits', new Msgpack('ca3fc00000'), 1.5],
    ['string', 'é', 'é'],
    ['blob', bytes('0102'), bytes('0102')],
    ['blob of the bin family', new Msgpack('c4020461'), bytes('61')],
    ['GeoJSON', new GeoJson(POINT), new GeoJson(POINT)],
    ['GeoJSON that is none', new GeoJson('xx'), REFUSED],
    ['text without a type', new Msgpack('a3616263'), REFUSED],
    ['text of a type that has no literals', new Msgpack('a20761'), REFUSED],
    ['nothing', new Msgpack('a0'), REFUSED],
    ['extension', new Msgpack('d4ff00'), REFUSED],
    ['list', list(1, 'a', [2]), [1, 'a', [2]]],
    ['list that is not quoted', [1, 2], REFUSED],
    ['quote of a number', [126, 1], REFUSED],
    ['quote of two', [126, [1], [2]], REFUSED],
    ['map', new Map([['a', 1]]), new Map([['a', 1]])],
    ['unknown', UNKNOWN_OPERATOR, UNKNOWN],
    ['unknown with an argument', [0, 1], REFUSED],
  ])('%s', (_name, expression, expected) => {
    expect(evaluate(expression)).toEqual(expected)
  })
})

describe('bins', () => {
  it.each<[string, Argument, Value]>([
    ['integer', bin.integer('five'), 5],
    ['largest integer', bin.integer('largest'), 2n ** 63n - 1n],
    ['float', bin.float('half'), 2.5],
    ['string', bin.string('hello'), 'hello'],
    ['boolean', bin.boolean('yes'), true],
    ['blob', bin.blob('blob'), bytes('010203')],
    ['list', bin.list('list'), [3, 1, 2]],
    ['another type', bin.integer('hello'), UNKNOWN],
    ['float that is an integer', bin.float('five'), UNKNOWN],
    ['missing', bin.integer('none'), UNKNOWN],
    ['of no value', bin.nil('five'), UNKNOWN],
    ['HyperLogLog', bin.hll('five'), UNKNOWN],
    ['name of 15 bytes', bin.integer('abcdefghijklmno'), UNKNOWN],
    ['name of 16 bytes', bin.integer('abcdefghijklmnop'), REFUSED],
    ['type there is not', [81, 10, raw('five')], REFUSED],
    ['negative type', [81, -1, raw('five')], REFUSED],
    ['without a name', [81, 2], REFUSED],
    ['name that is none', [81, 2, null], REFUSED],
    ['type of a bin', [82, raw('hello')], 3],
    ['type of a missing bin', [82, raw('none')], 0],
    ['type of too long a name', [82, raw('abcdefghijklmnop')], REFUSED],
  ])('%s', (_name, expression, expected) => {
    expect(evaluate(expression)).toEqual(expected)
  })
})

describe('conditions and variables', () => {
  const x = [124, raw('x')]
  const y = [124, raw('y')]
  it.each<[string, Argument, Value]>([
    ['first that passes', [123, [1, bin.integer('five'), 5], 'five', 'other'], 'five'],
    ['second that passes', [123, false, 1, true, 2, 3], 2],
    ['default', [123, false, 1, 2], 2],
    ['unknown test', [123, UNKNOWN_OPERATOR, 1, 2], UNKNOWN],
    ['unknown test behind one that passes', [123, true, 1, UNKNOWN_OPERATOR, 2, 3], 1],
    ['unknown result of any type', [123, false, UNKNOWN_OPERATOR, 7], 7],
    ['unknown default', [123, true, 7, UNKNOWN_OPERATOR], 7],
    ['unknown in a let', [123, true, 7, [125, raw('x'), 1, UNKNOWN_OPERATOR]], 7],
    ['unknown in a condition', [123, true, 7, [123, true, UNKNOWN_OPERATOR, UNKNOWN_OPERATOR]], REFUSED],
    ['results of two types', [123, true, 7, 'seven'], REFUSED],
    ['nil is a type', [123, true, 7, null], REFUSED],
    ['no default', [123, true, 7], REFUSED],
    ['test that is no boolean', [123, 1, 2, 3], REFUSED],
    ['variable', [125, raw('x'), 4, [20, x, x]], 8],
    [
      'variables that use one another',
      [125, raw('x'), bin.integer('five'), raw('y'), [20, x, 1], [22, x, y]],
      30,
    ],
    ['let in a let', [125, raw('x'), 1, [125, raw('y'), 2, [20, x, y]]], 3],
    ['let in a value', [125, raw('x'), [125, raw('y'), 1, y], raw('y'), 2, [20, x, y]], 3],
    ['same name side by side', [20, [125, raw('x'), 1, x], [125, raw('x'), 2, x]], 3],
    ['unknown variable that is not used', [125, raw('x'), bin.integer('none'), 3], 3],
    ['unknown variable that is used', [125, raw('x'), bin.integer('none'), x], UNKNOWN],
    ['undefined variable', x, REFUSED],
    ['variable behind its let', [20, [125, raw('x'), 1, x], x], REFUSED],
    ['variable in its own value', [125, raw('x'), x, 1], REFUSED],
    ['name defined twice', [125, raw('x'), 1, [125, raw('x'), 2, x]], REFUSED],
    ['name that begins with a digit', [125, raw('1x'), 1, 2], REFUSED],
    ['name with a particle type', [125, 'x', 1, 2], REFUSED],
    ['variable of another type', [125, raw('x'), 'a', [20, x, 1]], REFUSED],
    ['let without a body', [125, raw('x'), 1], REFUSED],
  ])('%s', (_name, expression, expected) => {
    expect(evaluate(expression)).toEqual(expected)
  })
})

describe('what is not evaluated', () => {
  it.each<[string, Argument, Value]>([
    ['regions that are none', [8, 1, new GeoJson(POINT)], REFUSED],
    ['HyperLogLog calls', [127, 2, 2, [50], bin.hll('h')], UNSUPPORTED],
    ['path calls', [127, 4, 0, [0xfe, [4, true], 1], bin.list('list')], UNSUPPORTED],
    ['what only paths have: a removal', [100], UNKNOWN],
    ['what only paths have: a variable', [122, 2, 2], UNKNOWN],
    ['index of another type', [122, 3, 2], REFUSED],
    ['operator there is not', [255, 1], REFUSED],
    ['operator that is no number', ['a'], REFUSED],
    ['empty list', [], REFUSED],
  ])('%s', (_name, expression, expected) => {
    expect(evaluate(expression)).toEqual(expected)
  })

  it('has no bins in a record that has none', () => {
    expect(evaluate([82, raw('five')], subjectOf({}))).toBe(0)
  })
})
