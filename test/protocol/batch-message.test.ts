import { describe, expect, it } from '@jest/globals'
import { BatchRequest, encodeBatch } from '../../lib/protocol/batch-message.ts'
import { FIELD_TYPES } from '../../lib/protocol/field-types.ts'
import { encodeFrame, FRAME_TYPES } from '../../lib/protocol/frame.ts'
import { encodeMessage } from '../../lib/protocol/message.ts'
import { BATCH_FLAGS, INFO1, INFO2 } from '../../lib/protocol/message-flags.ts'
import { OPERATION_CODES } from '../../lib/protocol/operation-codes.ts'
import { ProtocolError } from '../../lib/protocol/protocol-error.ts'
import { hex } from './hex.ts'

const NAMESPACE = { type: FIELD_TYPES.NAMESPACE, data: Buffer.from('test') }
const SET = { type: FIELD_TYPES.SET, data: Buffer.from('demo') }
const DIGESTS = [
  hex('ca15d03d9aaf0c0ca349e7de5b12ba8a0db5d0a4'),
  hex('5e2c05104e85354ec330c4099fd369ebaf459e18'),
  hex('bc25a03b3e22bcd58d96b50decdc195adc7831cf'),
] as const

// Captured from the official client: a read, an operate with a filter, and a call (protocol 6.5).
const CAPTURED = hex(`
  02 03 000000000106
  16 08 00 00 00 00
  00000000 00000000 000003e8
  0001 0000
  000000ec 29
    00000003
    0d
    00000000
    ca15d03d9aaf0c0ca349e7de5b12ba8a0db5d0a4
    0a
    03 00 00
    00000000
    0002 0000
    00000005 00 74657374
    00000005 01 64656d6f
    00000001
    5e2c05104e85354ec330c4099fd369ebaf459e18
    0e
    01 81 00
    0000
    00000000
    0003 0002
    00000005 00 74657374
    00000005 01 64656d6f
    00000009 2b 93 03 93 51 02 a1 61 03
    0000000d 05 01 00 01 61 000000000000000a
    00000005 01 00 00 01 61
    00000002
    bc25a03b3e22bcd58d96b50decdc195adc7831cf
    0e
    00 01 00
    0000 00000000
    0005 0000
    00000005 00 74657374
    00000005 01 64656d6f
    00000003 1e 7531
    00000004 1f 726574
    00000006 20 92 a2 03 76 07`)

const FRAME_AND_MESSAGE_BYTES = 8 + 22 + 5
const CAPTURED_BATCH = CAPTURED.subarray(FRAME_AND_MESSAGE_BYTES)

const incr = { code: OPERATION_CODES.INCREMENT, particleType: 1, name: 'a', value: hex('000000000000000a') }
const read = { code: OPERATION_CODES.READ, particleType: 0, name: 'a', value: Buffer.alloc(0) }

describe('batch', () => {
  it('encodes the captured batch, byte for byte', () => {
    const data = encodeBatch(
      [
        {
          digest: DIGESTS[0],
          info1: INFO1.READ | INFO1.GET_ALL,
          info2: 0,
          recordTtl: 0,
          fields: [NAMESPACE, SET],
        },
        {
          digest: DIGESTS[1],
          info1: INFO1.READ,
          info2: INFO2.WRITE | INFO2.RESPOND_ALL_OPS,
          generation: 0,
          recordTtl: 0,
          fields: [NAMESPACE, SET, { type: FIELD_TYPES.FILTER, data: hex('9303935102a16103') }],
          operations: [incr, read],
        },
        {
          digest: DIGESTS[2],
          info2: INFO2.WRITE,
          generation: 0,
          recordTtl: 0,
          fields: [
            NAMESPACE,
            SET,
            { type: FIELD_TYPES.UDF_MODULE, data: Buffer.from('u1') },
            { type: FIELD_TYPES.UDF_FUNCTION, data: Buffer.from('ret') },
            { type: FIELD_TYPES.UDF_ARGUMENTS, data: hex('92a2037607') },
          ],
        },
      ],
      BATCH_FLAGS.INLINE_MEMORY | BATCH_FLAGS.RESPOND_ALL_KEYS | BATCH_FLAGS.REPORT_ERROR_ROWS,
    )
    const body = encodeMessage({
      info1: INFO1.BATCH,
      transactionTtl: 1000,
      fields: [{ type: FIELD_TYPES.BATCH, data }],
    })
    expect(encodeFrame(FRAME_TYPES.MESSAGE, body).toString('hex')).toBe(CAPTURED.toString('hex'))
  })

  it('decodes the captured batch', () => {
    const batch = new BatchRequest(CAPTURED_BATCH)
    expect([batch.rowCount, batch.flags, [...batch.namespaces]]).toEqual([3, 0x0d, [['test', 0]]])
    const rows = [...batch.rows()]
    expect(rows.map(row => [row.index, row.digest])).toEqual(DIGESTS.map((digest, index) => [index, digest]))
    expect(rows.map(row => [row.template.info1, row.template.info2])).toEqual([
      [3, 0],
      [1, 0x81],
      [0, 1],
    ])
    expect(rows[1]?.template.operations.list).toEqual([incr, read])
    expect(rows[2]?.template.fields.map(field => field.type)).toEqual([0, 1, 30, 31, 32])
  })

  it('gives rows with REPEAT everything of the last full row but digest and index', () => {
    const full = {
      digest: DIGESTS[0],
      info1: 1,
      info2: 0x81,
      generation: 7,
      recordTtl: 9,
      fields: [NAMESPACE],
    }
    const data = encodeBatch(
      [
        { ...full, operations: [read] },
        { digest: DIGESTS[1], repeat: true },
        { ...full, info1: 3 },
        { digest: DIGESTS[2], repeat: true },
      ],
      0,
    )
    const rows = [...new BatchRequest(data).rows()]
    expect(rows.map(row => [row.index, row.template.info1, row.template.operations.list.length])).toEqual([
      [0, 1, 1],
      [1, 1, 1],
      [2, 3, 0],
      [3, 3, 0],
    ])
    expect(rows[3]).toMatchObject({ digest: DIGESTS[2], template: { generation: 7, recordTtl: 9 } })
  })

  it('refuses every batch that is cut off', () => {
    for (let length = 0; length < CAPTURED_BATCH.length; length++) {
      expect(() => new BatchRequest(CAPTURED_BATCH.subarray(0, length))).toThrow(ProtocolError)
    }
  })

  const keyed = encodeBatch(
    [
      { digest: DIGESTS[0], fields: [NAMESPACE, { type: FIELD_TYPES.USER_KEY, data: hex('0361') }] },
      { digest: DIGESTS[1], repeat: true },
    ],
    0,
  )
  it.each([
    ['no rows', hex('00000000 00')],
    ['four billion rows in no space', hex('ffffffff 00')],
    ['REPEAT on the first row', encodeBatch([{ digest: DIGESTS[0], repeat: true }], 0)],
    ['REPEAT after a row with a user key', keyed],
    ['a set in front of the namespace', encodeBatch([{ digest: DIGESTS[0], fields: [SET, NAMESPACE] }], 0)],
  ])('refuses %s', (_what, data) => {
    expect(() => new BatchRequest(data)).toThrow(ProtocolError)
  })
})
