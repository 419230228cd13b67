import { describe, expect, it } from '@jest/globals'
import type { NamedParticle, UdfChange } from '../../../lib/embedded/lua/index.ts'
import { BinList } from '../../../lib/embedded/storage/bin-list.ts'
import {
  binNameFromText,
  binNameToText,
  encodeParticle,
  FIELD_TYPES,
  GeoJson,
  INFO2,
  INFO3,
  type MessageInit,
  RESULT_CODES,
  type Value,
} from '../../../lib/protocol/index.ts'
import type { UdfCall } from '../support/fake-udf-runtime.ts'
import { bins, keyFields, TestNode } from '../support/test-node.ts'

const { OK, PARAMETER } = RESULT_CODES
const ARGS = Buffer.from('92a2037607', 'hex')

const text = (type: number, data: string) => ({ type, data: Buffer.from(data) })
const CALL = [
  text(FIELD_TYPES.UDF_MODULE, 'u1'),
  text(FIELD_TYPES.UDF_FUNCTION, 'ret'),
  { type: FIELD_TYPES.UDF_ARGUMENTS, data: ARGS },
]

function call(test: TestNode, init: MessageInit = {}) {
  return test.send({ info2: INFO2.WRITE, fields: [...keyFields('k'), ...CALL], ...init })
}

function succeedWith(test: TestNode, change: UdfChange, value: Value = null): void {
  test.udf.outcome = { kind: 'success', value: encodeParticle(value), change }
}

function changeTo(values: Record<string, Value>, more: Partial<Extract<UdfChange, { kind: 'write' }>> = {}) {
  const changed: NamedParticle[] = Object.entries(values).map(([name, value]) => ({
    name: binNameFromText(name),
    ...encodeParticle(value),
  }))
  return {
    kind: 'write',
    keepsBins: true,
    comingsAndGoings: [],
    changed,
    created: false,
    ttlSeconds: undefined,
    dropKey: false,
    ...more,
  } as const
}

const binNames = (made: UdfCall | undefined) =>
  made && [...BinList.decode(made.record.bins, made.record.binCount)].map(bin => binNameToText(bin.name))

describe('calls of functions', () => {
  it('hand the function the record as it is', () => {
    const test = new TestNode()
    test.put(
      'k',
      { a: 1, żółw: 's' },
      { recordTtl: 100, fields: [...keyFields('k'), text(FIELD_TYPES.USER_KEY, '\x03k')] },
    )
    test.clock.advanceSeconds(10)
    call(test, { transactionTtl: 77 })
    const [made] = test.udf.calls
    expect(made).toMatchObject({ moduleName: 'u1', functionName: 'ret', args: ARGS, timeoutMs: 77 })
    expect(made?.record).toMatchObject({
      exists: true,
      setName: 'demo',
      generation: 1,
      ttlSeconds: 90,
      voidTimeSeconds: test.namespace.nowSeconds + 90,
      userKey: { type: 3, value: Buffer.from('k') },
    })
    expect(binNames(made)).toEqual(['a', 'żółw'])
  })

  it('hand it an empty record when there is none, with a second to run', () => {
    const test = new TestNode()
    expect(call(test)).toMatchObject({ resultCode: OK, generation: 0 })
    expect(test.udf.calls[0]).toMatchObject({ timeoutMs: 1000, record: { exists: false, generation: 0 } })
    expect(test.namespace.objects).toBe(0)
  })

  it('commit what the function changed, and answer with its value', () => {
    const test = new TestNode()
    test.put('k', { a: 1, b: 2, c: 3 })
    const comingsAndGoings = ['a', binNameFromText('żółw')]
    succeedWith(test, changeTo({ b: 3, żółw: [1] }, { comingsAndGoings }), 'done')
    const reply = call(test)
    expect([reply.resultCode, reply.generation, bins(reply)]).toEqual([OK, 2, { SUCCESS: 'done' }])
    expect(test.udf.calls).toHaveLength(1)
    succeedWith(test, { kind: 'none' })
    call(test)
    expect(binNames(test.udf.calls[1])).toEqual(['c', 'b', 'żółw'])
    expect(bins(test.get('k'))).toEqual({ b: 3, c: 3, żółw: [1] })
    expect(test.get('k').generation).toBe(2)
  })

  it('keep no bin of a record that the function removed before it wrote', () => {
    const test = new TestNode()
    test.put('k', { a: 1, b: 2 })
    succeedWith(test, changeTo({ b: 3 }, { keepsBins: false, comingsAndGoings: ['b'] }))
    expect(call(test).generation).toBe(2)
    expect(bins(test.get('k'))).toEqual({ b: 3 })
  })

  it.each([
    ['the request', 50, undefined, 50],
    ['record.set_ttl', 50, 7, 7],
    ['record.set_ttl(-1)', 50, -1, 0],
  ])('take the time to live from %s', (_what, recordTtl, ttlSeconds, expected) => {
    const test = new TestNode()
    succeedWith(test, changeTo({ a: 1 }, { created: true, ttlSeconds }))
    const reply = call(test, { recordTtl })
    expect(reply.recordTtl).toBe(expected === 0 ? 0 : test.namespace.nowSeconds + expected)
  })

  it('remove the record, answering with the next generation', () => {
    const test = new TestNode()
    test.put('k', { a: 1 })
    succeedWith(test, { kind: 'remove' })
    expect(call(test).generation).toBe(2)
    expect(test.namespace.objects).toBe(0)
  })

  it('hand it the key that is sent where none is stored, and refuse one of a wrong width', () => {
    const sent = (key: string) => ({
      fields: [...keyFields('k'), ...CALL, text(FIELD_TYPES.USER_KEY, key)],
    })
    const test = new TestNode()
    call(test, sent('\x03k'))
    call(test, sent('\x01k'))
    test.put('k', { a: 1 })
    call(test, sent('\x03k'))
    call(test, sent('\x05k'))
    const string = { type: 3, value: Buffer.from('k') }
    expect(test.udf.calls.map(({ record }) => record.userKey)).toEqual([string, undefined, string, undefined])
    expect(call(test, sent('\x01k')).resultCode).toBe(RESULT_CODES.UNSUPPORTED_FEATURE)
    expect(test.udf.calls).toHaveLength(4)
  })

  it('store the key that is sent, unless the function drops it', () => {
    const test = new TestNode()
    const fields = [...keyFields('k'), ...CALL, text(FIELD_TYPES.USER_KEY, '\x03k')]
    succeedWith(test, changeTo({ a: 1 }))
    call(test, { fields })
    call(test)
    expect(test.udf.calls[1]?.record.userKey).toBeDefined()
    succeedWith(test, changeTo({ a: 1 }, { dropKey: true }))
    call(test)
    call(test)
    expect(test.udf.calls[3]?.record.userKey).toBeUndefined()
  })

  it('store GeoJSON of a function unchecked', () => {
    const test = new TestNode()
    succeedWith(test, changeTo({ g: new GeoJson('bogus') }, { comingsAndGoings: ['g'] }))
    expect(call(test).resultCode).toBe(OK)
    expect(bins(test.get('k'))).toEqual({ g: new GeoJson('bogus') })
    expect(test.put('k', { g: new GeoJson('bogus') }).resultCode).toBe(RESULT_CODES.GEO_INVALID_GEOJSON)
  })

  it('answer with the text of a failure, and change nothing', () => {
    const test = new TestNode()
    test.put('k', { a: 1 })
    test.udf.outcome = { kind: 'failure', message: 'u1.lua:3: boom' }
    const reply = call(test)
    expect([reply.resultCode, reply.generation, bins(reply)]).toEqual([
      RESULT_CODES.UDF_EXECUTION,
      1,
      { FAILURE: 'u1.lua:3: boom' },
    ])
  })

  it.each([
    ['a code of the runtime', { kind: 'refused', resultCode: 12 } as const, 12],
    [
      'a record that is too big',
      {
        kind: 'success',
        value: encodeParticle(null),
        change: changeTo({ b: Buffer.alloc(1_100_000) }),
      } as const,
      RESULT_CODES.RECORD_TOO_BIG,
    ],
  ])('answer %s without a bin', (_what, outcome, resultCode) => {
    const test = new TestNode()
    test.put('k', { a: 1 })
    test.udf.outcome = outcome
    expect(call(test)).toMatchObject({ resultCode, generation: 1, operations: [] })
    expect(bins(test.get('k'))).toEqual({ a: 1 })
  })

  it.each<[string, MessageInit]>([
    ['without arguments', { fields: [...keyFields('k'), ...CALL.slice(0, 2)] }],
    ['without a function', { fields: [...keyFields('k'), ...CALL.slice(0, 1), ...CALL.slice(2)] }],
    ['with a generation', { info2: INFO2.WRITE | INFO2.GENERATION }],
    ['create only', { info2: INFO2.WRITE | INFO2.CREATE_ONLY }],
    ['update only', { info3: INFO3.UPDATE_ONLY }],
    [
      'of another set',
      { fields: [...keyFields('k', 'other').slice(0, 2), ...keyFields('k').slice(2), ...CALL] },
    ],
  ])('are refused %s', (_what, init) => {
    const test = new TestNode()
    test.put('k', { a: 1 })
    expect(call(test, init).resultCode).toBe(PARAMETER)
    expect(test.udf.calls).toEqual([])
  })

  it('are counted', () => {
    const test = new TestNode()
    call(test)
    expect(test.info('namespace/test')).toMatch(/;client_udf_complete=1;/)
  })
})
