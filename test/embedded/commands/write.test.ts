import { describe, expect, it } from '@jest/globals'
import {
  encodeParticle,
  FIELD_TYPES,
  INFO1,
  INFO2,
  INFO3,
  type MessageInit,
  OPERATION_CODES,
  RESULT_CODES,
} from '../../../lib/protocol/index.ts'
import { bins, increment, keyFields, operation, read, SET, TestNode, write } from '../support/test-node.ts'

const { OK, NOT_FOUND, GENERATION, PARAMETER, RECORD_EXISTS } = RESULT_CODES

/** Result code and generation of a write on a record of generation 2, and on a missing one. */
function outcomes(init: MessageInit): [number, number][] {
  const test = new TestNode()
  test.put('there', { a: 1 })
  test.put('there', { a: 2 })
  return ['there', 'missing'].map(key => {
    const { resultCode, generation } = test.put(key, { a: 3 }, { ...init, fields: keyFields(key) })
    return [resultCode, generation]
  })
}

describe('conditions of a write', () => {
  const eq = INFO2.WRITE | INFO2.GENERATION
  const gt = INFO2.WRITE | INFO2.GENERATION_GT
  it.each<[string, MessageInit, [number, number], [number, number]]>([
    ['none', {}, [OK, 3], [OK, 1]],
    ['create only', { info2: INFO2.WRITE | INFO2.CREATE_ONLY }, [RECORD_EXISTS, 2], [OK, 1]],
    ['update only', { info3: INFO3.UPDATE_ONLY }, [OK, 3], [NOT_FOUND, 0]],
    ['replace only', { info3: INFO3.REPLACE_ONLY }, [OK, 3], [NOT_FOUND, 0]],
    ['create or replace', { info3: INFO3.CREATE_OR_REPLACE }, [OK, 3], [OK, 1]],
    ['generation 2', { info2: eq, generation: 2 }, [OK, 3], [GENERATION, 0]],
    ['generation 0', { info2: eq, generation: 0 }, [GENERATION, 2], [OK, 1]],
    ['generation 65538', { info2: eq, generation: 65_538 }, [GENERATION, 2], [GENERATION, 0]],
    ['greater generation 2', { info2: gt, generation: 2 }, [GENERATION, 2], [OK, 1]],
    ['greater generation 9', { info2: gt, generation: 9 }, [OK, 3], [OK, 1]],
    [
      'create only goes before the generation',
      { info2: eq | INFO2.CREATE_ONLY, generation: 9 },
      [RECORD_EXISTS, 2],
      [GENERATION, 0],
    ],
    ['another set', { fields: keyFields('there', 'other') }, [OK, 3], [OK, 1]],
    ['time to live over ten years', { recordTtl: 315_360_001 }, [PARAMETER, 2], [PARAMETER, 0]],
    ['transaction', { info4: 0x02 }, [RESULT_CODES.ENTERPRISE_ONLY, 0], [RESULT_CODES.ENTERPRISE_ONLY, 0]],
  ])('%s', (_what, init, there, missing) => {
    expect(outcomes(init)).toEqual([there, missing])
  })
})

describe('sets and keys of a write', () => {
  const fieldsOf = (setName: string | undefined, userKeyBytes?: Buffer) => [
    ...keyFields('k').filter(field => field.type !== FIELD_TYPES.SET),
    ...(setName === undefined ? [] : [{ type: FIELD_TYPES.SET, data: Buffer.from(setName) }]),
    ...(userKeyBytes === undefined ? [] : [{ type: FIELD_TYPES.USER_KEY, data: userKeyBytes }]),
  ]

  it.each([
    [SET, OK, OK],
    ['other', PARAMETER, PARAMETER],
    // A read may leave the set out, a write may not.
    ['', OK, PARAMETER],
    [undefined, OK, PARAMETER],
  ])('set %p: reads answer %i, writes %i', (setName, readCode, writeCode) => {
    const test = new TestNode()
    test.put('k', { a: 1 })
    expect(test.get('k', { fields: fieldsOf(setName) }).resultCode).toBe(readCode)
    expect(test.put('k', { a: 2 }, { fields: fieldsOf(setName) }).resultCode).toBe(writeCode)
  })

  it('keeps the first key it gets and refuses every other', () => {
    const test = new TestNode()
    const right = Buffer.from('\x03right')
    const wrong = Buffer.from('\x03wrong')
    test.put('k', { a: 1 })
    expect(test.put('k', { a: 2 }, { fields: fieldsOf(SET, right) }).resultCode).toBe(OK)
    expect(test.put('k', { a: 3 }).resultCode).toBe(OK)
    for (const send of [test.get, test.delete]) {
      expect(send.call(test, 'k', { fields: fieldsOf(SET, wrong) }).resultCode).toBe(
        RESULT_CODES.KEY_MISMATCH,
      )
    }
    expect(test.put('k', { a: 4 }, { fields: fieldsOf(SET, wrong) }).resultCode).toBe(
      RESULT_CODES.KEY_MISMATCH,
    )
    expect(bins(test.get('k', { fields: fieldsOf(SET, right) }))).toEqual({ a: 3 })
  })

  it.each([
    ['empty', Buffer.alloc(0)],
    ['an integer of four bytes', Buffer.from('0100000005', 'hex')],
  ])('stores no key that is %s', (_what, userKeyBytes) => {
    const { resultCode } = new TestNode().put('k', { a: 1 }, { fields: fieldsOf(SET, userKeyBytes) })
    expect(resultCode).toBe(RESULT_CODES.UNSUPPORTED_FEATURE)
  })
})

describe('operations of a write', () => {
  it('run in order, each seeing what the ones before have done', () => {
    const test = new TestNode()
    test.put('k', { a: 1 })
    const reply = test.operate('k', [read('a'), write('a', 10), increment('a', 5), read('a')])
    expect(reply.operations.map(({ name, value }) => [name, value.readBigInt64BE(0)])).toEqual([
      ['a', 1n],
      ['a', 15n],
    ])
    expect(reply.generation).toBe(2)
  })

  it('are kept all or not at all', () => {
    const test = new TestNode()
    test.put('k', { a: 1, s: 'x' })
    const reply = test.operate('k', [write('a', 2), write('n', 1), increment('s', 1)])
    expect([reply.resultCode, reply.generation, reply.operations]).toEqual([
      RESULT_CODES.INCOMPATIBLE_TYPE,
      1,
      [],
    ])
    expect(bins(test.get('k'))).toEqual({ a: 1, s: 'x' })
    expect(test.operate('new', [write('a', 'x'), increment('a', 1)]).resultCode).toBe(
      RESULT_CODES.INCOMPATIBLE_TYPE,
    )
    expect(test.namespace.objects).toBe(1)
  })

  it('all answer when all have to, but TOUCH', () => {
    const test = new TestNode()
    test.put('k', { a: 1 })
    const reply = test.operate(
      'k',
      [read('a'), increment('a', 5), write('n', 9), read('none'), operation(OPERATION_CODES.TOUCH, '')],
      { info2: INFO2.WRITE | INFO2.RESPOND_ALL_OPS },
    )
    expect(reply.operations.map(({ code, name, particleType }) => [code, name, particleType])).toEqual([
      [OPERATION_CODES.READ, 'a', 1],
      [OPERATION_CODES.INCREMENT, 'a', 0],
      [OPERATION_CODES.WRITE, 'n', 0],
      [OPERATION_CODES.READ, 'none', 0],
    ])
  })

  it('read all bins where the read stands', () => {
    const test = new TestNode()
    test.put('k', { a: 1 })
    const reply = test.operate('k', [read(''), write('a', 2)], { info1: INFO1.READ | INFO1.GET_ALL })
    expect(bins(reply)).toEqual({ a: 1 })
  })

  it('that leave no bin delete the record', () => {
    const test = new TestNode()
    test.put('k', { a: 1 })
    const reply = test.put('k', { a: null })
    expect([reply.resultCode, reply.generation]).toEqual([OK, 0])
    expect([test.get('k').resultCode, test.namespace.objects]).toEqual([NOT_FOUND, 0])
    expect(test.put('k', { a: null }).resultCode).toBe(NOT_FOUND)
  })

  it('delete then write in one command go on with the generation', () => {
    const test = new TestNode()
    test.put('k', { a: 1 })
    const reply = test.operate('k', [operation(OPERATION_CODES.DELETE_ALL, ''), write('b', 2)])
    expect(reply.generation).toBe(2)
    expect(bins(test.get('k'))).toEqual({ b: 2 })
  })

  it('replace drops the bins that are not written', () => {
    const test = new TestNode()
    test.put('k', { a: 1, b: 2 })
    test.put('k', { b: 3 }, { info3: INFO3.CREATE_OR_REPLACE })
    expect(bins(test.get('k'))).toEqual({ b: 3 })
  })

  it('wrap integers around at 64 bits', () => {
    const test = new TestNode()
    test.put('k', { n: 9223372036854775807n })
    expect(bins(test.operate('k', [increment('n', 1), read('n')]))).toEqual({ n: -9223372036854775808n })
  })

  it('join strings at both ends', () => {
    const test = new TestNode()
    test.put('k', { s: 'b' })
    const reply = test.operate('k', [
      operation(OPERATION_CODES.APPEND, 's', 'c'),
      operation(OPERATION_CODES.PREPEND, 's', 'a'),
      read('s'),
    ])
    expect(bins(reply)).toEqual({ s: 'abc' })
  })

  const delta = encodeParticle(1)
  it.each([
    ['no operation', [], {}, PARAMETER],
    ['an unknown code', [operation(6, 'a')], {}, PARAMETER],
    ['a read without the READ bit', [read('a')], { info1: 0 }, PARAMETER],
    ['GET_ALL without a read of all bins', [write('a', 1)], { info1: 3 }, PARAMETER],
    ['two reads of all bins', [read(''), read('')], { info1: 3 }, PARAMETER],
    ['a read of all bins and of one', [read(''), read('a')], { info1: 3 }, PARAMETER],
    ['a bin name of 16 bytes', [write('abcdefghijklmnop', 1)], {}, RESULT_CODES.BIN_NAME],
    ['a NUL in a bin name', [write('a\0b', 1)], {}, RESULT_CODES.BIN_NAME],
    [
      'TOUCH in a replace',
      [operation(OPERATION_CODES.TOUCH, '')],
      { info3: INFO3.CREATE_OR_REPLACE },
      PARAMETER,
    ],
    ['null in a replace', [write('a', null), write('b', 1)], { info3: INFO3.CREATE_OR_REPLACE }, PARAMETER],
    ['an integer of three bytes', [{ ...write('a', 1), value: Buffer.alloc(3) }], {}, PARAMETER],
    ['particle type 5', [{ ...write('a', 1), particleType: 5 }], {}, PARAMETER],
    [
      'a list that is none',
      [{ ...write('a', [1]), value: Buffer.from('9301', 'hex') }],
      {},
      RESULT_CODES.UNKNOWN,
    ],
    ['text as GeoJSON', [{ ...write('a', 'zz'), particleType: 23 }], {}, RESULT_CODES.GEO_INVALID_GEOJSON],
    ['an increment by a string', [{ ...increment('a', 's') }], {}, RESULT_CODES.INCOMPATIBLE_TYPE],
    [
      'a HyperLogLog operation',
      [{ ...delta, code: OPERATION_CODES.HLL_MODIFY, particleType: 4, name: 'l' }],
      {},
      RESULT_CODES.UNSUPPORTED_FEATURE,
    ],
  ])('refuses %s', (_what, operations, init, resultCode) => {
    const test = new TestNode()
    expect(test.operate('k', operations, init).resultCode).toBe(resultCode)
    expect(test.namespace.objects).toBe(0)
  })

  it('extends narrow integers with zeros', () => {
    const test = new TestNode()
    test.operate('k', [{ ...write('a', 1), value: Buffer.from([0xff]) }])
    expect(bins(test.get('k'))).toEqual({ a: 255 })
  })
})
