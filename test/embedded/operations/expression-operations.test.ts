import { describe, expect, it } from '@jest/globals'
import {
  FIELD_TYPES,
  INFO1,
  INFO2,
  INFO3,
  OPERATION_CODES,
  type OperationInit,
  RESULT_CODES,
  type Value,
} from '../../../lib/protocol/index.ts'
import { bin, float, raw, UNKNOWN_OPERATOR } from '../expressions/support/expression-lab.ts'
import { bins, keyFields, operation, read, TestNode, write } from '../support/test-node.ts'
import { type Argument, Msgpack, msgpack } from './support/operation-lab.ts'

// What is expected here was answered by a real server (8.1.2).

const { EXPRESSION_MODIFY, EXPRESSION_READ } = OPERATION_CODES
const { OK, NOT_FOUND, PARAMETER, BIN_EXISTS, BIN_NOT_FOUND, OP_NOT_APPLICABLE } = RESULT_CODES
const [CREATE_ONLY, UPDATE_ONLY, ALLOW_DELETE, POLICY_NO_FAIL, EVAL_NO_FAIL] = [1, 2, 4, 8, 16]
const UNKNOWN_INTEGER = bin.integer('none')
const ILL_TYPED = [20, 'a', 1]

const evaluating = (code: number, name: string, expression: Argument, ...flags: Argument[]) => ({
  code,
  name,
  particleType: 4,
  value: msgpack([expression, ...flags]),
})
const expRead = (name: string, expression: Argument, flags: Argument = 0) =>
  evaluating(EXPRESSION_READ, name, expression, flags)
const expWrite = (name: string, expression: Argument, flags: Argument = 0) =>
  evaluating(EXPRESSION_MODIFY, name, expression, flags)

function nodeWith(values: Record<string, Value>): TestNode {
  const node = new TestNode()
  node.put('k', values)
  return node
}

const reading = { info2: 0 }

describe('expression reads', () => {
  it('answers under the name that it is given, whatever bin that is', () => {
    const reply = nodeWith({ i: 5 }).operate(
      'k',
      [expRead('r', [20, bin.integer('i'), 1]), expRead('i', 'text')],
      reading,
    )
    expect(bins(reply)).toEqual({ r: 6, i: 'text' })
  })

  it.each<[string, Argument, number, number, Record<string, Value>]>([
    ['unknown', UNKNOWN_INTEGER, 0, OP_NOT_APPLICABLE, {}],
    ['unknown that may be', UNKNOWN_INTEGER, EVAL_NO_FAIL, OK, {}],
    ['nil', null, 0, OK, {}],
    ['flag of writes', 1, CREATE_ONLY, PARAMETER, {}],
    ['flag there is not', 1, 32, PARAMETER, {}],
    ['ill-typed, whatever the flags', ILL_TYPED, EVAL_NO_FAIL, PARAMETER, {}],
  ])('%s', (_name, expression, flags, resultCode, answer) => {
    const reply = nodeWith({ i: 5 }).operate('k', [expRead('r', expression, flags)], reading)
    expect(reply.resultCode).toBe(resultCode)
    expect(bins(reply)).toEqual(answer)
  })

  it('answers nil in a write, and in a read when every operation has to answer', () => {
    const operations = [expRead('r', null), expRead('u', UNKNOWN_INTEGER, EVAL_NO_FAIL)]
    expect(bins(nodeWith({ i: 5 }).operate('k', operations))).toEqual({ r: null, u: null })
    const all = nodeWith({ i: 5 }).operate('k', operations, { info2: INFO2.RESPOND_ALL_OPS })
    expect(bins(all)).toEqual({ r: null, u: null })
  })

  it.each<[string, Buffer, number]>([
    ['no list', msgpack(5), PARAMETER],
    ['nothing', Buffer.alloc(0), PARAMETER],
    ['three elements', msgpack([1, 0, 0]), PARAMETER],
    ['no flags', msgpack([1]), OK],
    ['flags that are no integer', msgpack([1, 'a']), OK],
    ['bytes behind', Buffer.concat([msgpack([1, 0]), Buffer.from([1])]), OK],
  ])('payload of %s', (_name, value, resultCode) => {
    const operation = { code: EXPRESSION_READ, name: 'r', particleType: 4, value }
    expect(nodeWith({ i: 5 }).operate('k', [operation], reading).resultCode).toBe(resultCode)
  })

  it('sees nothing of a record that is not there', () => {
    const reply = new TestNode().operate('k', [expRead('r', ILL_TYPED)], reading)
    expect(reply.resultCode).toBe(NOT_FOUND)
  })
})

describe('metadata in the operations of a write', () => {
  const [LAST_UPDATE, SINCE_UPDATE, VOID_TIME, TTL] = [[66], [67], [68], [69]]
  const TIMES = [expRead('updated', LAST_UPDATE), expRead('since', SINCE_UPDATE), expRead('ttl', TTL)]
  const filter = (expression: Argument) => ({ type: FIELD_TYPES.FILTER, data: msgpack(expression) })

  /** A record written 20 s ago, with 480 s left to live. */
  function agedNode(): TestNode {
    const node = new TestNode({ allowTtlWithoutNsup: true })
    node.put('k', { a: 1 }, { recordTtl: 500 })
    node.clock.advanceSeconds(20)
    return node
  }
  const nanoseconds = (unixMs: number) => BigInt(unixMs) * 1_000_000n

  it.each([
    ['behind a write', [write('b', 1), ...TIMES], {}],
    ['in front of it', [...TIMES, write('b', 1)], {}],
    ['with a touch', [operation(OPERATION_CODES.TOUCH, ''), ...TIMES], {}],
    ['behind a removal', [operation(OPERATION_CODES.DELETE_ALL, ''), write('b', 1), ...TIMES], {}],
    ['of a replacement', [write('b', 1), ...TIMES], { info3: INFO3.CREATE_OR_REPLACE }],
  ])('is what the write makes of the record: %s', (_name, operations, init) => {
    const node = agedNode()
    const answer = bins(node.operate('k', operations, { ...init, recordTtl: 50 }))
    expect(answer).toMatchObject({ updated: nanoseconds(node.clock.nowMs()), since: 0, ttl: 50 })
  })

  it('is so when a record is created, and what is stored is what the record then tells', () => {
    const node = new TestNode({ allowTtlWithoutNsup: true })
    const operations = [expWrite('updated', LAST_UPDATE), expWrite('gone', VOID_TIME)]
    node.operate('new', operations, { recordTtl: 50, info1: 0 })
    node.clock.advanceSeconds(5)
    const told = node.operate('new', [expRead('updated', LAST_UPDATE), expRead('gone', VOID_TIME)], reading)
    expect(bins(node.get('new'))).toEqual(bins(told))
  })

  it('keeps the time to live that the write keeps', () => {
    const node = agedNode()
    const answer = bins(node.operate('k', [write('b', 1), ...TIMES], { recordTtl: 0xfffffffe }))
    expect(answer).toMatchObject({ since: 0, ttl: 480 })
  })

  it('is the old one to filters', () => {
    const init = { recordTtl: 50, fields: [...keyFields('k'), filter([1, TTL, 480])] }
    expect(agedNode().operate('k', [write('b', 1)], init).resultCode).toBe(OK)
  })
})

describe('expression writes', () => {
  it.each<[string, Argument, number, present: Value | undefined, absent: Value | undefined]>([
    ['default', 7, 0, 7, 7],
    ['create only', 7, CREATE_ONLY, undefined, 7],
    ['update only', 7, UPDATE_ONLY, 7, undefined],
    ['create only, no fail', 7, CREATE_ONLY | POLICY_NO_FAIL, 5, 7],
    ['update only, no fail', 7, UPDATE_ONLY | POLICY_NO_FAIL, 7, null],
    ['nil', null, 0, undefined, null],
    ['nil with delete', null, ALLOW_DELETE, null, null],
    ['nil with another flag', null, POLICY_NO_FAIL, 5, null],
    ['nil with delete, update only', null, ALLOW_DELETE | UPDATE_ONLY, null, undefined],
    ['unknown', UNKNOWN_OPERATOR, 0, undefined, undefined],
    ['unknown that may be', UNKNOWN_OPERATOR, EVAL_NO_FAIL, 5, null],
    ['unknown, but flags first', UNKNOWN_OPERATOR, CREATE_ONLY | POLICY_NO_FAIL, 5, undefined],
    ['flag there is not', 7, 32, undefined, undefined],
    ['ill-typed', ILL_TYPED, EVAL_NO_FAIL, undefined, undefined],
  ])('%s', (_name, expression, flags, present, absent) => {
    const valueAfter = (name: string) => {
      const node = nodeWith({ i: 5, other: 1 })
      const reply = node.operate('k', [expWrite(name, expression, flags)])
      if (reply.resultCode !== OK) return undefined
      expect(node.get('k').generation).toBe(2)
      return bins(node.get('k'))[name] ?? null
    }
    expect(valueAfter('i')).toEqual(present)
    expect(valueAfter('w')).toEqual(absent)
  })

  it.each<[string, Argument, number, number]>([
    ['create only', 7, CREATE_ONLY, BIN_EXISTS],
    ['create only and unknown', UNKNOWN_OPERATOR, CREATE_ONLY, BIN_EXISTS],
    ['nil', null, 0, OP_NOT_APPLICABLE],
    ['unknown', UNKNOWN_OPERATOR, 0, OP_NOT_APPLICABLE],
    ['ill-typed', ILL_TYPED, 0, PARAMETER],
  ])('%s fails with its code and writes nothing', (_name, expression, flags, resultCode) => {
    const node = nodeWith({ i: 5 })
    const reply = node.operate('k', [write('other', 1), expWrite('i', expression, flags)])
    expect(reply.resultCode).toBe(resultCode)
    expect(bins(node.get('k'))).toEqual({ i: 5 })
  })

  it('fails by its flags on a bin that is not there', () => {
    const reply = nodeWith({ i: 5 }).operate('k', [expWrite('w', 7, UPDATE_ONLY)])
    expect(reply.resultCode).toBe(BIN_NOT_FOUND)
  })

  it('sees what the operations before it wrote', () => {
    const node = nodeWith({ a: 1, b: 10 })
    const reply = node.operate('k', [
      expWrite('a', [20, bin.integer('a'), 1]),
      expWrite('b', [20, bin.integer('a'), bin.integer('b')]),
      expRead('sum', [20, bin.integer('a'), bin.integer('b')]),
      read('b'),
    ])
    expect(bins(reply)).toEqual({ sum: 14, b: 12 })
  })

  describe('of a selection that is answered in its own order', () => {
    const KEY_VALUE = 8
    const selection = (from: string, operation: Argument) => [127, 5, 0, operation, bin.map(from)]
    const modify = (...operation: Argument[]) => ({
      code: OPERATION_CODES.CDT_MODIFY,
      name: 'w',
      particleType: 4,
      value: msgpack(operation),
    })
    const BY_INDEX = [104, KEY_VALUE, 0]
    const BY_RANK = [106, KEY_VALUE, 0]
    const entries = { a: 3, b: 1, c: 2 }

    /** The bin that holds the selection, after another operation on it. */
    function kept(by: Argument, ...operations: OperationInit[]): string | undefined {
      const node = nodeWith({ m: new Map(Object.entries(entries)) })
      node.operate('k', [expWrite('w', selection('m', by))], { info1: 0 })
      for (const operation of operations) node.operate('k', [operation], { info1: 0 })
      return node
        .get('k')
        .operations.find(({ name }) => name === 'w')
        ?.value.toString('hex')
    }

    it.each<[string, Argument, string]>([
      ['by index', BY_INDEX, '84c70008c0a2036103a2036201a2036302'],
      ['by rank', BY_RANK, '84c70008c0a2036201a2036302a2036103'],
      ['of one', [97, KEY_VALUE, 'b'], '82c70008c0a2036201'],
      ['of nothing', [104, KEY_VALUE, 5, 2], '81c70008c0'],
      ['by rank, without an order', [106, 16, 0], '83a2036201a2036302a2036103'],
    ])('stores it as it is answered: %s', (_name, by, expected) => {
      expect(kept(by)).toBe(expected)
    })

    it.each<[string, Argument, OperationInit, string]>([
      ['a key put in', BY_INDEX, modify(67, 'd', 9), '85c70008c0a2036103a2036201a2036302a2036409'],
      ['a key removed', BY_INDEX, modify(76, 0, 'a'), '83c70008c0a2036201a2036302'],
      ['all removed', BY_INDEX, modify(75), '81c70008c0'],
      ['an order given to it', BY_INDEX, modify(64, 1), '84c70001c0a2036103a2036201a2036302'],
      ['no order given to it', BY_INDEX, modify(64, 0), '83a2036103a2036201a2036302'],
      // It is searched as if it were sorted.
      ['a key not found', BY_RANK, modify(76, 0, 'a'), '84c70008c0a2036201a2036302a2036103'],
      ['a key put in again', BY_RANK, modify(67, 'a', 9), '85c70008c0a2036109a2036201a2036302a2036103'],
      ['a copy of it', BY_RANK, expWrite('w', bin.map('w')), '84c70008c0a2036201a2036302a2036103'],
    ])('keeps its order with %s', (_name, by, operation, expected) => {
      expect(kept(by, operation)).toBe(expected)
    })

    it('finds the keys of one that claims no order', () => {
      expect(kept([106, 16, 0], modify(76, 0, 'a'))).toBe('82a2036201a2036302')
    })
  })

  it('writes values of every type as they are stored', () => {
    const unsorted = new Msgpack('82a2036202a2036101')
    const node = nodeWith({ i: 5 })
    node.operate('k', [expWrite('f', float(3)), expWrite('y', [1, 1, 1]), expWrite('m', unsorted)])
    const stored = node
      .get('k')
      .operations.map(({ name, particleType, value }) => [name, particleType, value.toString('hex')])
    expect(stored.slice(1)).toEqual([
      ['f', 2, '4008000000000000'],
      ['y', 17, '01'],
      ['m', 19, '82a2036202a2036101'],
    ])
  })

  it('creates a record, of which it tells what will be', () => {
    const node = new TestNode()
    expect(node.operate('k', [expWrite('set', [70]), expWrite('ttl', [69])]).resultCode).toBe(OK)
    expect(bins(node.get('k'))).toEqual({ set: 'demo', ttl: -1 })
  })

  it('creates no record of nothing, and removes one of which it leaves nothing', () => {
    const node = nodeWith({ i: 5 })
    expect(node.operate('none', [expWrite('w', null)]).resultCode).toBe(NOT_FOUND)
    expect(node.operate('k', [expWrite('i', null, ALLOW_DELETE)])).toMatchObject({
      resultCode: OK,
      generation: 0,
    })
    expect(node.get('k').resultCode).toBe(NOT_FOUND)
  })

  it('replaces a record, but not by nothing', () => {
    const node = nodeWith({ i: 5 })
    const replacing = { info3: INFO3.CREATE_OR_REPLACE }
    expect(node.operate('k', [expWrite('w', bin.integer('i'), EVAL_NO_FAIL)], replacing).resultCode).toBe(
      NOT_FOUND,
    )
    expect(bins(node.get('k'))).toEqual({ i: 5 })
    node.operate('k', [expWrite('w', 7), expWrite('v', [20, bin.integer('w'), 1])], replacing)
    expect(bins(node.get('k'))).toEqual({ w: 7, v: 8 })
  })
})

describe('filters', () => {
  const filter = (expression: Argument, key = 'k') => ({
    fields: [...keyFields(key), { type: FIELD_TYPES.FILTER, data: msgpack(expression) }],
  })
  const [PASSES, FAILS] = [
    [1, bin.integer('i'), 5],
    [1, bin.integer('i'), 6],
  ]
  const { FILTERED_OUT, GENERATION, RECORD_EXISTS } = RESULT_CODES
  const commands = {
    get: (node: TestNode, init: object) => node.get('k', init),
    exists: (node: TestNode, init: object) =>
      node.get('k', { info1: INFO1.READ | INFO1.GET_NO_BINS, ...init }),
    put: (node: TestNode, init: object) => node.put('k', { i: 7 }, init),
    operate: (node: TestNode, init: object) => node.operate('k', [read('i')], init),
    delete: (node: TestNode, init: object) => node.delete('k', init),
  } as const

  describe.each(Object.entries(commands))('of a %s', (_name, send) => {
    it.each<[string, Argument, number]>([
      ['passes', PASSES, OK],
      ['fails', FAILS, FILTERED_OUT],
      ['is unknown', [1, bin.integer('none'), 1], FILTERED_OUT],
      ['is unknown and denied', [18, [1, bin.integer('none'), 1]], FILTERED_OUT],
      ['is no boolean', bin.integer('i'), PARAMETER],
      ['is malformed', [1, 1], PARAMETER],
    ])('that %s', (_case, expression, resultCode) => {
      const node = nodeWith({ i: 5 })
      expect(send(node, filter(expression)).resultCode).toBe(resultCode)
      if (resultCode !== OK) expect(bins(node.get('k'))).toEqual({ i: 5 })
    })
  })

  it('does not matter to a record that is not there, whatever it is', () => {
    const node = new TestNode()
    expect(node.get('k', filter([20])).resultCode).toBe(NOT_FOUND)
    expect(node.delete('k', filter(false)).resultCode).toBe(NOT_FOUND)
    expect(node.put('k', { i: 5 }, filter([20])).resultCode).toBe(OK)
    expect(bins(node.get('k'))).toEqual({ i: 5 })
  })

  it('comes behind existence and generation', () => {
    const node = nodeWith({ i: 5 })
    const create = { info2: INFO2.WRITE | INFO2.CREATE_ONLY, ...filter(FAILS) }
    const generation = { info2: INFO2.WRITE | INFO2.GENERATION, generation: 9, ...filter(FAILS) }
    expect(node.put('k', { i: 7 }, create).resultCode).toBe(RECORD_EXISTS)
    expect(node.put('k', { i: 7 }, generation).resultCode).toBe(GENERATION)
  })

  it('looks at bins by name only', () => {
    const node = nodeWith({ i: 5, ii: 6 })
    expect(node.get('k', filter([1, [81, 2, raw('ii')], 6])).resultCode).toBe(OK)
    expect(node.get('k', filter([1, [82, raw('iii')], 0])).resultCode).toBe(OK)
  })
})
