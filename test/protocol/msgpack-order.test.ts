import { describe, expect, it } from '@jest/globals'
import { compareElements } from '../../lib/protocol/msgpack-order.ts'
import { hex } from './hex.ts'

// Ascending (protocol 8.1).
const ASCENDING = [
  'c0', // nil
  'c2', // false
  'c3', // true
  'd38000000000000000', // -2^63
  'ff', // -1
  '00',
  'cd0100', // 256
  'cf7fffffffffffffff', // 2^63 - 1
  'a103', // ""
  'a20361', // "a"
  'a3036161', // "aa"
  'a20362', // "b"
  '90', // []
  '9101', // [1]
  '920102', // [1, 2]
  '9102', // [2]
  '80', // {}
  '810101', // {1: 1}
  '810102', // {1: 2}
  '8201010202', // {1: 1, 2: 2}
  'a104', // empty blob
  'a20401',
  'cb8010000000000000', // a small negative double
  'cb3ff0000000000000', // 1.0
  'a2177b', // GeoJSON
  'd4ff01', // infinity
].map(hex)

describe('compareElements', () => {
  it('puts every pair of the table in its order', () => {
    ASCENDING.forEach((left, leftAt) => {
      ASCENDING.forEach((right, rightAt) => {
        expect([leftAt, rightAt, Math.sign(compareElements(left, 0, right, 0))]).toEqual([
          leftAt,
          rightAt,
          Math.sign(leftAt - rightAt),
        ])
      })
    })
  })

  it.each([
    ['an ordered list equals an unordered one', '93c700010102', '920102'],
    ['a number equals itself in another width', 'cd0005', '05'],
    ['a wildcard equals anything', 'd4ff00', 'a20361'],
    ['a wildcard in a list equals any element', '9201d4ff00', '920107'],
    ['a wildcard in a list equals all the rest of it', '9201d4ff00', '93010203'],
    ['a wildcard equals a list with all its elements', '92d4ff0002', '9292010203'],
    ['a wildcard ends the lists around it, too', '9291d4ff0005', '92910106'],
  ])('%s', (_what, left, right) => {
    expect(compareElements(hex(left), 0, hex(right), 0)).toBe(0)
  })

  it('does not let a wildcard stand for no element', () => {
    expect(compareElements(hex('9201d4ff00'), 0, hex('9101'), 0)).toBeGreaterThan(0)
  })
})
