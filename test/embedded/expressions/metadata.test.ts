import { describe, expect, it } from '@jest/globals'
import { AEROSPIKE_EPOCH_MS } from '../../../lib/embedded/clock.ts'
import { compileExpression, StoredSubject } from '../../../lib/embedded/expressions/index.ts'
import {
  decodeParticle,
  FIELD_TYPES,
  recordDigest,
  userKey,
  type Value,
} from '../../../lib/protocol/index.ts'
import { type Argument, msgpack } from '../operations/support/operation-lab.ts'
import { keyFields, SET, TestNode } from '../support/test-node.ts'
import { bytes, evaluate, float, REFUSED, subjectOf, UNKNOWN } from './support/expression-lab.ts'

const NANOSECONDS_PER_MS = 1_000_000n
const WRITTEN_MS = AEROSPIKE_EPOCH_MS + 500_000_000_000
const STRING_KEY = 3

/** What an expression tells of a record, some seconds after it was written. */
function told(
  expression: Argument,
  init: { recordTtl?: number; storesKey?: boolean; secondsLater?: number } = {},
): Value {
  const node = new TestNode({ allowTtlWithoutNsup: true })
  const key = { type: FIELD_TYPES.USER_KEY, data: Buffer.from('\x03k') }
  node.put(
    'k',
    { i: 1 },
    {
      recordTtl: init.recordTtl ?? 0,
      fields: init.storesKey === true ? [...keyFields('k'), key] : keyFields('k'),
    },
  )
  node.clock.advanceSeconds(init.secondsLater ?? 0)
  const digest = recordDigest(SET, userKey('k'))
  const record = node.namespace.find(digest)
  if (record === undefined) throw new Error('no record')
  const particle = compileExpression(msgpack(expression)).particle(
    new StoredSubject(node.namespace, digest, record),
  )
  return particle === undefined ? UNKNOWN : decodeParticle(particle.type, particle.value)
}

describe('record metadata', () => {
  it('tells set and key', () => {
    expect(told([70])).toBe(SET)
    expect(told([71])).toBe(false)
    expect(told([71], { storesKey: true })).toBe(true)
    expect(told([80, STRING_KEY])).toBe(UNKNOWN)
    expect(told([80, STRING_KEY], { storesKey: true })).toBe('k')
    expect(told([80, 2], { storesKey: true })).toBe(UNKNOWN)
    expect(told([80, 6], { storesKey: true })).toBe(UNKNOWN)
    expect(told([72])).toBe(false)
  })

  it('tells times in nanoseconds since 1970, milliseconds and seconds', () => {
    expect(told([66])).toBe(BigInt(WRITTEN_MS) * NANOSECONDS_PER_MS)
    expect(told([67], { secondsLater: 3 })).toBe(3_000)
    expect(told([68])).toBe(-1)
    expect(told([69])).toBe(-1)
    expect(told([68], { recordTtl: 100 })).toBe(BigInt(WRITTEN_MS + 100_000) * NANOSECONDS_PER_MS)
    expect(told([69], { recordTtl: 100, secondsLater: 40 })).toBe(60)
  })

  it('tells sizes: none on a device, the same in memory and in all', () => {
    expect(told([65])).toBe(0)
    expect(told([1, [73], [74]])).toBe(true)
    expect(told([16, [3, [74], 40], [5, [74], 200]])).toBe(true)
  })

  it('takes a modulo of a part of the digest', () => {
    const part = recordDigest(SET, userKey('k')).readUInt32LE(16)
    expect(told([64, 1_000])).toBe(part % 1_000)
    expect(told([64, -7])).toBe(part % 7)
    expect(told([64, 5_000_000_000])).toBe(part % (5_000_000_000 - 2 ** 32))
  })

  it.each<[string, Argument]>([
    ['modulo zero', [64, 0]],
    ['modulo of an expression', [64, [20, 1, 2]]],
    ['modulo of a float', [64, float(3)]],
    ['modulo of nothing', [64]],
    ['key of a type that keys do not have', [80, 4]],
    ['key of no type', [80]],
    ['time with an argument', [69, 1]],
    ['set with an argument', [70, bytes('')]],
  ])('refuses a %s', (_name, expression) => {
    expect(evaluate(expression)).toBe(REFUSED)
  })

  it.each<[string, Argument, Value]>([
    ['set', [70], 'demo'],
    ['time to live', [69], -1],
    ['void time', [68], -1],
    ['time since the update', [67], 0],
    ['size', [74], 16],
    ['key', [71], false],
  ])('tells the %s of a record that is being created', (_name, expression, expected) => {
    expect(evaluate(expression, subjectOf({}))).toEqual(expected)
  })
})
