import { describe, expect, it } from '@jest/globals'
import {
  FIELD_TYPES,
  INFO1,
  INFO2,
  INFO3,
  type MessageInit,
  RESULT_CODES,
} from '../../../lib/protocol/index.ts'
import { bins, keyFields, read, TestNode, write } from '../support/test-node.ts'

const { OK, PARAMETER, NOT_FOUND, ENTERPRISE_ONLY } = RESULT_CODES

function setup(): TestNode {
  const test = new TestNode()
  test.put('k', { a: 1, b: 'x', c: 2.5 }, { recordTtl: 1000 })
  return test
}

describe('reading', () => {
  it.each<[string, MessageInit, number, string[]]>([
    ['all bins', { info1: INFO1.READ | INFO1.GET_ALL }, OK, ['a', 'b', 'c']],
    [
      'chosen bins, in the order asked',
      { info1: INFO1.READ, operations: [read('c'), read('zz'), read('a')] },
      OK,
      ['c', 'a'],
    ],
    ['only bins that are missing', { info1: INFO1.READ, operations: [read('zz')] }, OK, []],
    ['metadata', { info1: INFO1.READ | INFO1.GET_NO_BINS }, OK, []],
    ['nothing', { info1: INFO1.READ }, PARAMETER, []],
    ['without the READ bit', { info1: INFO1.GET_ALL }, PARAMETER, []],
    ['with a write among the operations', { info1: INFO1.READ, operations: [write('a', 2)] }, PARAMETER, []],
    ['linearised', { info3: INFO3.SC_READ_TYPE }, ENTERPRISE_ONLY, []],
    ['in a transaction', { info4: 0x01 }, ENTERPRISE_ONLY, []],
    [
      'with a transaction id',
      { fields: [...keyFields('k'), { type: FIELD_TYPES.TRANSACTION_ID, data: Buffer.alloc(8) }] },
      ENTERPRISE_ONLY,
      [],
    ],
  ])('%s', (_what, init, resultCode, names) => {
    const reply = setup().get('k', init)
    expect([reply.resultCode, reply.operations.map(({ name }) => name)]).toEqual([resultCode, names])
  })

  it('answers a null for a missing bin when all operations have to answer', () => {
    const reply = setup().get('k', {
      info1: 1,
      info2: INFO2.RESPOND_ALL_OPS,
      operations: [read('zz'), read('a')],
    })
    expect(bins(reply)).toEqual({ zz: null, a: 1 })
  })

  it('carries generation and void time', () => {
    const test = setup()
    const { generation, recordTtl } = test.get('k', { info1: INFO1.READ | INFO1.GET_NO_BINS })
    expect([generation, recordTtl]).toEqual([1, test.namespace.nowSeconds + 1000])
  })

  it('finds no expired record', () => {
    const test = setup()
    test.clock.advanceSeconds(1001)
    expect(test.get('k')).toMatchObject({ resultCode: NOT_FOUND, generation: 1, recordTtl: 0 })
    expect(test.put('k', { a: 1 }, { info3: INFO3.UPDATE_ONLY })).toMatchObject({
      resultCode: NOT_FOUND,
      generation: 1,
    })
    expect(test.put('k', { a: 1 })).toMatchObject({ resultCode: OK, generation: 1 })
  })

  it('extends a record that a reader wants to keep, after answering with its old times', () => {
    const test = setup()
    test.clock.advanceSeconds(600)
    const before = test.get('k', { recordTtl: 30 })
    expect(test.get('k', { recordTtl: 50 })).toMatchObject({ generation: 1, recordTtl: before.recordTtl })
    expect(test.get('k')).toMatchObject({ generation: 1, recordTtl: test.namespace.nowSeconds + 1000 })
  })
})

describe('deleting', () => {
  it.each<[string, MessageInit, number]>([
    ['without a condition', {}, OK],
    [
      'with the right generation',
      { info2: INFO2.WRITE | INFO2.DELETE | INFO2.GENERATION, generation: 1 },
      OK,
    ],
    [
      'with a wrong generation',
      { info2: INFO2.WRITE | INFO2.DELETE | INFO2.GENERATION, generation: 2 },
      RESULT_CODES.GENERATION,
    ],
    [
      'of another set',
      { fields: [...keyFields('k', 'other').slice(0, 2), ...keyFields('k').slice(2)] },
      PARAMETER,
    ],
    ['durably', { info2: INFO2.WRITE | INFO2.DELETE | INFO2.DURABLE_DELETE }, ENTERPRISE_ONLY],
    ['without the WRITE bit', { info2: INFO2.DELETE }, PARAMETER],
  ])('%s', (_what, init, resultCode) => {
    const test = setup()
    expect(test.delete('k', init)).toMatchObject({ resultCode, generation: 0 })
    expect(test.namespace.objects).toBe(resultCode === OK ? 0 : 1)
  })

  it('a missing record is an error, an expired one that is still there is not', () => {
    const test = setup()
    expect(test.delete('never').resultCode).toBe(NOT_FOUND)
    test.clock.advanceSeconds(1001)
    expect(test.delete('k').resultCode).toBe(OK)
    expect(test.delete('k').resultCode).toBe(NOT_FOUND)
  })
})

describe('messages that are no command on a record', () => {
  it.each<[string, MessageInit, number]>([
    ['no namespace', { info1: 3 }, RESULT_CODES.NAMESPACE],
    [
      'an unknown namespace',
      { info1: 3, fields: [{ type: FIELD_TYPES.NAMESPACE, data: Buffer.from('nope') }] },
      RESULT_CODES.NAMESPACE,
    ],
    [
      'a short digest',
      {
        info1: 3,
        fields: [...keyFields('k').slice(0, 2), { type: FIELD_TYPES.DIGEST, data: Buffer.alloc(19) }],
      },
      PARAMETER,
    ],
    [
      'a query',
      { info1: 3, info3: INFO3.PARTITION_DONE, fields: keyFields('k').slice(0, 2) },
      RESULT_CODES.UNSUPPORTED_FEATURE,
    ],
  ])('%s', (_what, message, resultCode) => {
    expect(new TestNode().send(message).resultCode).toBe(resultCode)
  })

  it('bytes that are no message', () => {
    const test = new TestNode()
    const [frame] = test.frames(Buffer.from('16'))
    expect(frame?.toString('hex')).toBe(`0203000000000016${'16'}0000000004${'00'.repeat(16)}`)
    expect(test.node.statistics.demarshalErrors).toBe(1)
  })
})
