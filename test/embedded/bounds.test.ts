import { describe, expect, it } from '@jest/globals'
import {
  FIELD_TYPES,
  INFO1,
  INFO2,
  OPERATION_CODES,
  type OperationInit,
  PARTICLE_TYPES,
  RESULT_CODES,
} from '../../lib/protocol/index.ts'
import { msgpack, WILDCARD } from './operations/support/operation-lab.ts'
import { keyFields, read, TestNode } from './support/test-node.ts'

// Requests that are well-formed and small enough for a frame, and would take gigabytes or minutes if they were
// simply done.

const MIB = 1024 * 1024
const { PARAMETER, RECORD_TOO_BIG } = RESULT_CODES

/** A list of nothing but nil. */
function nils(count: number): Buffer {
  const header = Buffer.from([0xdd, 0, 0, 0, 0])
  header.writeUInt32BE(count, 1)
  return Buffer.concat([header, Buffer.alloc(count, 0xc0)])
}

const blobOperation = (code: number, value: Buffer): OperationInit => ({
  code,
  particleType: PARTICLE_TYPES.BLOB,
  name: 'l',
  value,
})
const modify = (...parts: Buffer[]): OperationInit =>
  blobOperation(OPERATION_CODES.CDT_MODIFY, Buffer.concat(parts))

describe('a request without measure', () => {
  it.each<[string, OperationInit, number]>([
    [
      'a list of 9 MiB',
      { code: OPERATION_CODES.WRITE, particleType: PARTICLE_TYPES.LIST, name: 'l', value: nils(9 * MIB) },
      RECORD_TOO_BIG,
    ],
    ['two million items to append', modify(Buffer.from([0x92, 2]), nils(2 * MIB)), RECORD_TOO_BIG],
    ['nine million items to append', modify(Buffer.from([0x92, 2]), nils(9 * MIB)), RECORD_TOO_BIG],
    ['a million arguments', modify(nils(MIB)), PARAMETER],
    [
      'a context of a million levels',
      modify(Buffer.from([0x93, 0xcc, 0xff]), nils(MIB), msgpack([1, 2])),
      PARAMETER,
    ],
    ['an insert two million elements past the end', modify(msgpack([3, 2 * MIB, 1])), RECORD_TOO_BIG],
  ])('%s', (_, operation, resultCode) => {
    const reply = new TestNode().send({ info2: INFO2.WRITE, fields: keyFields('k'), operations: [operation] })
    expect(reply.resultCode).toBe(resultCode)
  })

  it('each of thousands of values that are in a list thousands of times', () => {
    const node = new TestNode()
    const append = modify(Buffer.from([0x94, 2]), nils(500_000), msgpack(1), msgpack(0))
    const put = node.send({ info2: INFO2.WRITE, fields: keyFields('k'), operations: [append] })
    expect(put.resultCode).toBe(0)
    // By value list: counts and values.
    for (const returnType of [5, 7]) {
      const all = blobOperation(
        OPERATION_CODES.CDT_READ,
        Buffer.concat([Buffer.from([0x93, 23, returnType]), nils(500_000)]),
      )
      const reply = node.get('k', { info1: INFO1.READ, operations: [all] })
      expect(reply).toMatchObject({ resultCode: RECORD_TOO_BIG, operations: [] })
    }
  })

  it('whatever is in a list with one large value, thousands of times', () => {
    const node = new TestNode()
    const append = modify(msgpack([1, Buffer.alloc(MIB - 1000), 1, 0]))
    const put = node.send({ info2: INFO2.WRITE, fields: keyFields('k'), operations: [append] })
    expect(put.resultCode).toBe(0)
    const byValues = blobOperation(
      OPERATION_CODES.CDT_READ,
      msgpack([23, 7, new Array(5_000).fill(WILDCARD)]),
    )
    const reply = node.get('k', { info1: INFO1.READ, operations: [byValues] })
    expect(reply).toMatchObject({ resultCode: RECORD_TOO_BIG, operations: [] })
  })

  it('thousands of reads of one large bin', () => {
    const node = new TestNode()
    node.put('k', { b: Buffer.alloc(MIB - 1000) })
    const reply = node.get('k', { info1: INFO1.READ, operations: new Array(130).fill(read('b')) })
    expect(reply).toMatchObject({ resultCode: RECORD_TOO_BIG, operations: [] })
    expect(node.get('k', { info1: INFO1.READ, operations: [read('b')] }).resultCode).toBe(0)
  })

  it('twenty thousand different items, each to be looked for in the list', () => {
    const node = new TestNode()
    const items = Array.from({ length: 20_000 }, (_, at) => at)
    const append = modify(msgpack([2, items, 0, 13]))
    const put = () => node.send({ info2: INFO2.WRITE, fields: keyFields('k'), operations: [append] })
    const startedMs = performance.now()
    expect(put().operations[0]?.value.readBigInt64BE(0)).toBe(20_000n)
    expect(put().operations[0]?.value.readBigInt64BE(0)).toBe(20_000n)
    // A fraction of a second, where comparing all with all would take a minute.
    expect(performance.now() - startedMs).toBeLessThan(15_000)
  })

  it('arguments of a function that no record could take', () => {
    const node = new TestNode()
    const call = (args: Buffer) =>
      node.send({
        info2: INFO2.WRITE,
        fields: [
          ...keyFields('k'),
          { type: FIELD_TYPES.UDF_MODULE, data: Buffer.from('m') },
          { type: FIELD_TYPES.UDF_FUNCTION, data: Buffer.from('f') },
          { type: FIELD_TYPES.UDF_ARGUMENTS, data: args },
        ],
      })
    expect(call(nils(2 * MIB)).resultCode).toBe(PARAMETER)
    expect(node.udf.calls).toHaveLength(0)
    expect(call(nils(MIB)).resultCode).toBe(0)
  })
})
