import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { InvalidArgumentError } from '../../lib/errors/index.ts'
import { decodeMsgpack, encodeMsgpack } from '../../lib/protocol/msgpack.ts'
import { ProtocolError } from '../../lib/protocol/protocol-error.ts'
import { Double, GeoJson, type Value } from '../../lib/protocol/value.ts'
import { hex } from './hex.ts'

const VECTORS: readonly (readonly [string, Value])[] = [
  ['c0', null],
  ['c2', false],
  ['c3', true],
  ['00', 0],
  ['7f', 127],
  ['cc80', 128],
  ['ccff', 255],
  ['cd0100', 256],
  ['cdffff', 65535],
  ['ce00010000', 65536],
  ['ceffffffff', 4294967295],
  ['cf0000000100000000', 4294967296],
  ['cf7fffffffffffffff', 9223372036854775807n],
  ['ff', -1],
  ['e0', -32],
  ['d0df', -33],
  ['d080', -128],
  ['d1ff7f', -129],
  ['d18000', -32768],
  ['d2ffff7fff', -32769],
  ['d280000000', -2147483648],
  ['d3ffffffff7fffffff', -2147483649],
  ['d38000000000000000', -9223372036854775808n],
  ['cb3ff8000000000000', 1.5],
  ['a103', ''],
  ['a20361', 'a'],
  ['a403e282ac', '€'],
  ['a20401', hex('01')],
  ['90', []],
  ['92a2037607', ['v', 7]],
  ['81c70001c0', new Map()],
  ['82c70001c0a2036101', new Map([['a', 1]])],
  [
    '84c70001c0ff01a2036102a2046103',
    new Map<Value, Value>([
      ['a', 2],
      [hex('61'), 3],
      [-1, 1],
    ]),
  ],
]

const scalar = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.maxSafeInteger(),
  fc.double({ noInteger: true, noNaN: true }),
  fc.string({ maxLength: 40 }),
  fc.uint8Array({ maxLength: 40 }),
)
const value = fc.letrec<{ value: Value }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(fc.string({ maxLength: 10 }), tie('value')).map(object => new Map(Object.entries(object))),
  ),
})).value

/** Maps come back in the order of their keys, which their equality does not look at. */
function comparable(of: Value): unknown {
  if (of instanceof Map) {
    return new Map([...of].map(([key, inner]) => [comparable(key), comparable(inner)]))
  }
  if (of instanceof Uint8Array) return Buffer.from(of).toString('hex')
  return Array.isArray(of) ? of.map(comparable) : of
}

describe('msgpack', () => {
  it.each(VECTORS)('%s', (bytes, decoded) => {
    expect(encodeMsgpack(decoded).toString('hex')).toBe(bytes)
    expect(comparable(decodeMsgpack(hex(bytes)))).toEqual(comparable(decoded))
  })

  it('decodes what it encodes', () => {
    fc.assert(
      fc.property(value, sent => {
        expect(comparable(decodeMsgpack(encodeMsgpack(sent)))).toEqual(comparable(sent))
      }),
    )
  })

  it.each([
    ['a double without a fraction', new Double(3), 'cb4008000000000000'],
    ['minus zero', -0, 'cb8000000000000000'],
    ['GeoJSON', new GeoJson('{}'), 'a3177b7d'],
  ])('encodes %s', (_what, sent, bytes) => {
    expect(encodeMsgpack(sent).toString('hex')).toBe(bytes)
  })

  it('passes over the order flags of lists and maps', () => {
    expect(decodeMsgpack(hex('93c700010102'))).toEqual([1, 2])
    expect(decodeMsgpack(hex('82c70008c0a2036101'))).toEqual(new Map([['a', 1]]))
  })

  it.each([
    ['an integer beyond 64 bits', 2n ** 63n],
    ['a map key that is no key', new Map([[true, 1]])],
    [
      'one key as number and bigint',
      new Map<Value, Value>([
        [1, 1],
        [1n, 2],
      ]),
    ],
  ])('does not encode %s', (_what, sent) => {
    expect(() => encodeMsgpack(sent)).toThrow(InvalidArgumentError)
  })

  it('does not encode a list that contains itself', () => {
    const list: Value[] = []
    list.push(list)
    expect(() => encodeMsgpack(list)).toThrow(InvalidArgumentError)
  })

  it.each([
    ['nothing', ''],
    ['the byte without a meaning', 'c1'],
    ['a cut-off string', 'a50361'],
    ['a cut-off list', '9301'],
    ['bytes behind the value', '0102'],
    ['a list of four billion elements', 'ddffffffff00'],
    ['a map of four billion pairs', 'dfffffffff00'],
    ['100,000 levels', `${'91'.repeat(100_000)}00`],
  ])('does not decode %s', (_what, bytes) => {
    expect(() => decodeMsgpack(hex(bytes))).toThrow(ProtocolError)
  })

  it('decodes or refuses any bytes, and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), bytes => {
        try {
          decodeMsgpack(Buffer.from(bytes))
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError)
        }
      }),
    )
  })
})
