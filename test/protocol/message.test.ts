import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { FIELD_TYPES } from '../../lib/protocol/field-types.ts'
import {
  binNameFromText,
  binNameToText,
  decodeMessage,
  encodeMessage,
  type MessageInit,
} from '../../lib/protocol/message.ts'
import { INFO2 } from '../../lib/protocol/message-flags.ts'
import { OPERATION_CODES } from '../../lib/protocol/operation-codes.ts'
import { PARTICLE_TYPES } from '../../lib/protocol/particle-types.ts'
import { ProtocolError } from '../../lib/protocol/protocol-error.ts'
import { hex } from './hex.ts'

const PUT: MessageInit = {
  info2: INFO2.WRITE,
  transactionTtl: 1000,
  fields: [
    { type: FIELD_TYPES.NAMESPACE, data: Buffer.from('test') },
    { type: FIELD_TYPES.SET, data: Buffer.from('demo') },
    { type: FIELD_TYPES.DIGEST, data: hex('bb64e37a7306a87b7481786fb66ab2a7cc9f6104') },
  ],
  operations: [
    {
      code: OPERATION_CODES.WRITE,
      particleType: PARTICLE_TYPES.INTEGER,
      name: 'a',
      value: hex('0000000000000001'),
    },
    { code: OPERATION_CODES.WRITE, particleType: PARTICLE_TYPES.STRING, name: 'b', value: Buffer.from('x') },
  ],
}

// Captured from the official client: put {a: 1, b: 'x'} (protocol 15).
const PUT_BYTES = hex(`
  16 00 01 00 00 00 00000000 00000000 000003e8 0003 0002
  00000005 00 74657374   00000005 01 64656d6f
  00000015 04 bb64e37a7306a87b7481786fb66ab2a7cc9f6104
  0000000d 02 01 00 01 61 0000000000000001
  00000006 02 03 00 01 62 78`)

const uint = (bits: number) => fc.integer({ min: 0, max: 2 ** bits - 1 })
const bytes = fc.uint8Array({ maxLength: 40 }).map(array => Buffer.from(array))
const name = fc.uint8Array({ maxLength: 15 }).map(array => Buffer.from(array).toString('latin1'))
const message = fc.record({
  info1: uint(8),
  info2: uint(8),
  info3: uint(8),
  info4: uint(8),
  resultCode: uint(8),
  generation: uint(32),
  recordTtl: uint(32),
  transactionTtl: uint(32),
  fields: fc.array(fc.record({ type: uint(8), data: bytes }), { maxLength: 5 }),
  operations: fc.array(fc.record({ code: uint(8), particleType: uint(8), name, value: bytes }), {
    maxLength: 5,
  }),
})

describe('message', () => {
  it('encodes what the official client sends, byte for byte', () => {
    expect(encodeMessage(PUT).toString('hex')).toBe(PUT_BYTES.toString('hex'))
  })

  it('decodes what the official client sends', () => {
    expect(decodeMessage(PUT_BYTES)).toMatchObject(PUT)
  })

  it('decodes what it encodes', () => {
    fc.assert(
      fc.property(message, sent => {
        const { fieldCount, operationCount, ...got } = decodeMessage(encodeMessage(sent))
        expect(got).toEqual(sent)
        expect([fieldCount, operationCount]).toEqual([sent.fields.length, sent.operations.length])
      }),
    )
  })

  it('refuses every message that is cut off', () => {
    for (let length = 0; length < PUT_BYTES.length; length++) {
      expect(() => decodeMessage(PUT_BYTES.subarray(0, length))).toThrow(ProtocolError)
    }
  })

  it.each([
    ['bytes behind the last operation', Buffer.concat([PUT_BYTES, hex('00')])],
    ['a field of size 0', hex('16 00 00 00 00 00 00000000 00000000 00000000 0001 0000 00000000 00')],
    ['a field of size 2^32 - 1', hex('16 00 00 00 00 00 00000000 00000000 00000000 0001 0000 ffffffff 00')],
    [
      'an operation of size 3',
      hex('16 00 00 00 00 00 00000000 00000000 00000000 0000 0001 00000003 01000000'),
    ],
    [
      'a name beyond its operation',
      hex('16 00 00 00 00 00 00000000 00000000 00000000 0000 0001 00000005 01000002 61'),
    ],
    [
      'flags on an operation',
      hex('16 00 00 00 00 00 00000000 00000000 00000000 0000 0001 00000005 01000101 61'),
    ],
  ])('refuses %s', (_what, body) => {
    expect(() => decodeMessage(body)).toThrow(ProtocolError)
  })

  it('ignores the header-size byte', () => {
    const body = Buffer.from(PUT_BYTES)
    body[0] = 255
    expect(decodeMessage(body).operations).toHaveLength(2)
  })
})

describe('bin names', () => {
  it.each(['utxos', 'żółw', '日本語', ''])('%j travels as UTF-8', text => {
    const travelling = binNameFromText(text)
    expect(Buffer.from(travelling, 'latin1').toString('utf8')).toBe(text)
    expect(binNameToText(travelling)).toBe(text)
  })
})
