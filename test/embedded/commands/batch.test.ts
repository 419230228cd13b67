import { describe, expect, it } from '@jest/globals'
import { batchReply } from '../../../lib/embedded/commands/batch.ts'
import {
  BATCH_FLAGS,
  type BatchRowInit,
  decodeMessage,
  encodeBatch,
  encodeMessage,
  FIELD_TYPES,
  INFO1,
  INFO2,
  INFO3,
  type MessageInit,
  OPERATION_CODES,
  RESULT_CODES,
} from '../../../lib/protocol/index.ts'
import { bin } from '../expressions/support/expression-lab.ts'
import { msgpack } from '../operations/support/operation-lab.ts'
import { bins, increment, keyFields, read, TestNode, write } from '../support/test-node.ts'

const { OK, NOT_FOUND, PARAMETER } = RESULT_CODES
const ALL = BATCH_FLAGS.RESPOND_ALL_KEYS | BATCH_FLAGS.REPORT_ERROR_ROWS

function row(key: string, init: Partial<Exclude<BatchRowInit, { repeat: true }>>): BatchRowInit {
  const [namespace, set, digest] = keyFields(key)
  if (namespace === undefined || set === undefined || digest === undefined) throw new Error('three fields')
  return { digest: digest.data, fields: [namespace, set], ...init }
}

const readRow = (key: string) => row(key, { info1: INFO1.READ | INFO1.GET_ALL })
const writeRow = (key: string, value: number) =>
  row(key, { info2: INFO2.WRITE, operations: [write('a', value)] })
/** A read of nothing: fails with PARAMETER on a record that is there. */
const badRow = (key: string) => row(key, { info1: INFO1.READ })

function encodedBatch(rows: readonly BatchRowInit[], flags: number = ALL): Buffer {
  return encodeMessage({
    info1: INFO1.BATCH,
    fields: [{ type: FIELD_TYPES.BATCH, data: encodeBatch(rows, flags) }],
  })
}

function send(
  test: TestNode,
  rows: readonly BatchRowInit[],
  flags: number = ALL,
  fields: NonNullable<MessageInit['fields']> = [],
) {
  const messages = test.sendAll({
    info1: INFO1.BATCH,
    fields: [{ type: FIELD_TYPES.BATCH, data: encodeBatch(rows, flags) }, ...fields],
  })
  const last = messages.pop()
  expect(last?.info3).toBe(INFO3.LAST)
  return { rows: messages, last: last?.resultCode }
}

/** A node that is alone waits for nothing. */
function bytesOf(piece: Buffer | Promise<void>): number {
  return Buffer.isBuffer(piece) ? piece.length : Number.NaN
}

describe('batch', () => {
  it('answers each row with its index, in one frame, and ends with a frame of its own', () => {
    const test = new TestNode()
    test.put('r1', { a: 1 })
    const reply = send(test, [
      readRow('r1'),
      row('r1', {
        info1: INFO1.READ,
        info2: INFO2.WRITE | INFO2.RESPOND_ALL_OPS,
        operations: [increment('a', 10), read('a')],
      }),
      readRow('none'),
      row('r1', { info2: INFO2.WRITE | INFO2.DELETE }),
      readRow('r1'),
    ])
    expect(
      reply.rows.map(message => [
        message.transactionTtl,
        message.resultCode,
        message.generation,
        bins(message),
      ]),
    ).toEqual([
      [0, OK, 1, { a: 1 }],
      [1, OK, 2, { a: 11 }],
      [2, NOT_FOUND, 0, {}],
      [3, OK, 0, {}],
      [4, NOT_FOUND, 0, {}],
    ])
    expect(reply.rows[1]?.operations[0]).toMatchObject({ code: OPERATION_CODES.INCREMENT, particleType: 0 })
    expect(reply.last).toBe(OK)
  })

  it('runs the rows after one that fails', () => {
    const test = new TestNode()
    test.put('k', { a: 1 })
    const reply = send(test, [badRow('k'), writeRow('k', 2)])
    expect(reply.rows.map(({ resultCode }) => resultCode)).toEqual([PARAMETER, OK])
    expect([bins(test.get('k')), reply.last]).toEqual([{ a: 2 }, OK])
  })

  it.each([
    ['all keys', ALL, [OK, PARAMETER, OK], OK],
    ['errors up to the first', BATCH_FLAGS.REPORT_ERROR_ROWS, [OK, PARAMETER, OK], PARAMETER],
    ['no error rows', 0, [], PARAMETER],
  ])('reports %s', (_what, flags, rowCodes, last) => {
    const test = new TestNode()
    test.put('k', { a: 1 })
    const reply = send(test, [readRow('k'), badRow('k'), writeRow('k', 2)], flags)
    expect([reply.rows.map(({ resultCode }) => resultCode), reply.last]).toEqual([rowCodes, last])
    expect(bins(test.get('k'))).toEqual({ a: 2 })
  })

  it('does not count a missing record as an error', () => {
    const test = new TestNode()
    test.put('k', { a: 1 })
    const reply = send(test, [readRow('none'), readRow('k')], 0)
    expect([reply.rows.map(({ resultCode }) => resultCode), reply.last]).toEqual([[NOT_FOUND, OK], OK])
  })

  it('ends with the last failure', () => {
    const test = new TestNode()
    test.put('k', { a: 1 })
    const creation = row('k', {
      info2: INFO2.WRITE | INFO2.CREATE_ONLY,
      operations: [write('a', 1)],
    })
    const ends = [0, BATCH_FLAGS.REPORT_ERROR_ROWS].map(
      flags => send(test, [badRow('k'), creation, readRow('k')], flags).last,
    )
    expect(ends).toEqual([RESULT_CODES.RECORD_EXISTS, RESULT_CODES.RECORD_EXISTS])
  })

  it('answers what read operations give in the form of plain reads, unless it also writes', () => {
    const test = new TestNode()
    test.put('k', { l: [1, 2] })
    const size = { code: OPERATION_CODES.CDT_READ, name: 'l', particleType: 4, value: msgpack([16]) }
    const reading = row('k', { info1: INFO1.READ, operations: [size] })
    const writing = row('k', {
      info1: INFO1.READ,
      info2: INFO2.WRITE,
      operations: [size, write('a', 1)],
    })
    const { rows } = send(test, [reading, writing])
    expect(rows.map(({ operations }) => operations[0]?.code)).toEqual([
      OPERATION_CODES.READ,
      OPERATION_CODES.CDT_READ,
    ])
  })

  it('fails as a whole for an unknown namespace in any row, and runs what is in front of it', () => {
    const test = new TestNode()
    const unknown = row('k', {
      info1: INFO1.READ,
      fields: [{ type: FIELD_TYPES.NAMESPACE, data: Buffer.from('nope') }],
    })
    const rows = [writeRow('a', 1), writeRow('b', 1), unknown, writeRow('c', 1)]
    for (const flags of [0, ALL]) expect(send(test, rows, flags)).toEqual({ rows: [], last: PARAMETER })
    expect(['a', 'b', 'c'].map(key => test.get(key).resultCode)).toEqual([OK, OK, NOT_FOUND])
    expect([test.node.statistics.batchErrors, test.node.statistics.batchComplete]).toEqual([2, 0])
  })

  it.each([
    ['is not boolean', msgpack(5)],
    ['is ill-typed', msgpack([1, bin.integer('a'), 'x'])],
    ['does not compile', Buffer.from('c1', 'hex')],
    ['is empty', Buffer.alloc(0)],
  ])('fails as a whole for a filter of its header that %s, and runs no row', (_what, data) => {
    const test = new TestNode()
    const ownFilter = { type: FIELD_TYPES.FILTER, data: msgpack([1, 1, 1]) }
    const [namespace] = keyFields('k')
    const filtered = row('j', {
      info2: INFO2.WRITE,
      operations: [write('a', 1)],
      fields: namespace === undefined ? [] : [namespace, ownFilter],
    })
    const reply = send(test, [writeRow('k', 1), filtered], ALL, [{ type: FIELD_TYPES.FILTER, data }])
    expect(reply).toEqual({ rows: [], last: PARAMETER })
    expect(test.namespace.objects).toBe(0)
  })

  it('fails as a whole above batch-max-requests', () => {
    const test = new TestNode()
    test.node.config.batchRequestsMax = 2
    expect(send(test, [readRow('a'), readRow('b')]).last).toBe(OK)
    const three = send(test, [readRow('a'), readRow('b'), readRow('c')])
    expect(three).toEqual({ rows: [], last: RESULT_CODES.BATCH_MAX_REQUESTS })
  })

  it.each([
    ['no batch field', []],
    ['a broken one', [{ type: FIELD_TYPES.BATCH, data: Buffer.alloc(3) }]],
  ])('fails as a whole with %s', (_what, fields) => {
    const [message, ...more] = new TestNode().sendAll({ info1: INFO1.BATCH, fields })
    expect(message).toMatchObject({ resultCode: PARAMETER, info3: INFO3.LAST })
    expect(more).toEqual([])
  })

  it('can be interrupted while it has nothing to send', () => {
    const test = new TestNode()
    test.put('k', { a: 1 })
    const rows = Array.from({ length: 1_000 }, () => badRow('k'))
    const body = encodedBatch(rows, 0)
    const sizes = [...batchReply(test.node, decodeMessage(body))].map(bytesOf)
    expect(sizes).toEqual([0, 0, 0, 30])
  })

  it('sends frames of about 128 KiB, and runs rows only as its frames are taken', () => {
    const test = new TestNode()
    test.put('big', { b: Buffer.alloc(100_000) })
    const rows = [...Array.from({ length: 10 }, () => readRow('big')), writeRow('k', 1)]
    const reply = batchReply(test.node, decodeMessage(encodedBatch(rows)))
    const sizes: number[] = []
    for (const frame of reply) {
      sizes.push(Math.round(bytesOf(frame) / 100_000))
      expect(test.namespace.objects).toBe(sizes.length <= 5 ? 1 : 2)
    }
    // Five frames of two rows, the write, and the end.
    expect(sizes).toEqual([2, 2, 2, 2, 2, 0, 0])
  })
})
