import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { normaliseContainer } from '../../lib/protocol/msgpack-normalise.ts'
import { MSGPACK_KINDS } from '../../lib/protocol/msgpack-reader.ts'
import { ProtocolError } from '../../lib/protocol/protocol-error.ts'
import { hex } from './hex.ts'

const { LIST, MAP } = MSGPACK_KINDS

describe('normaliseContainer', () => {
  // Stored forms as a real server (8.1.2) gave them back.
  it.each([
    [LIST, '92cc05cd0006', '920506'],
    [LIST, 'dc000201c0', '9201c0'],
    [LIST, '92cb3ff0000000000000ca3fc00000', '92cb3ff0000000000000ca3fc00000'],
    [LIST, '91c4020102', '91a20102'],
    [LIST, '91da000403616263', '91a403616263'],
    [LIST, '91d3ffffffffffffff38', '91d1ff38'],
    [LIST, '91d005', '9105'],
    [LIST, '91cfffffffffffffffff', '91cfffffffffffffffff'],
    [LIST, '93c700010102', '93c700010102'],
    [LIST, '93c700110102', '93c700010102'],
    [LIST, '93c700020102', '920102'],
    [LIST, '91c8000000', '90'],
    [LIST, '9182a2036201a2036101', '9182a2036101a2036201'],
    [MAP, '83a2036303a2036202a2036101', '83a2036101a2036202a2036303'],
    [MAP, 'de00020101a2036102', '820101a2036102'],
    [MAP, '8305010301ff01', '83ff0103010501'],
    [MAP, '82a2046101a2036201', '82a2036201a2046101'],
    [MAP, '83c70011c0a2036101a2036202', '83c70001c0a2036101a2036202'],
    [MAP, '83c70008c0a2036101a2036202', '82a2036101a2036202'],
    [MAP, '82c7000105a2036101', '82c70001c0a2036101'],
    [MAP, '82c7010100c0a2036101', '82c70001c0a2036101'],
    [MAP, '81a2036182a2036201a2036101', '81a2036182a2036101a2036201'],
    [MAP, '81c402046101', '81a2046101'],
  ])('kind %i: %s is stored as %s', (kind, sent, stored) => {
    expect(normaliseContainer(hex(sent), kind).toString('hex')).toBe(stored)
  })

  it.each([
    ['nothing', LIST, ''],
    ['a cut-off list', LIST, '9301'],
    ['bytes behind a list', LIST, '910102'],
    ['a map as a list', LIST, '810102'],
    ['a list as a map', MAP, '9101'],
    ['an integer as a list', LIST, '05'],
    ['a key twice', MAP, '82a2036101a2036102'],
    ['a key twice in an ordered map', MAP, '83c70001c0a2036101a2036102'],
    ['a key twice further in', LIST, '9182a2036101a2036102'],
    ['an ordered map out of order', MAP, '83c70001c0a2036201a2036102'],
    ['an ordered list out of order', LIST, '93c700010201'],
    ['a list as a key', MAP, '81910102'],
    ['nil as a key', MAP, '81c001'],
    ['a double as a key', MAP, '81cb3ff000000000000001'],
    ['true as a key', MAP, '81c301'],
    ['a string without a type as a key', MAP, '81a16101'],
    ['a wildcard', LIST, '91d4ff00'],
    ['infinity', LIST, '91d4ff01'],
    ['four billion pairs', MAP, 'dfffffffff'],
    ['100,000 levels', LIST, `${'91'.repeat(100_000)}00`],
  ])('refuses %s', (_what, kind, sent) => {
    expect(() => normaliseContainer(hex(sent), kind)).toThrow(ProtocolError)
  })

  it('changes nothing in what it has made', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), tail => {
        const sent = Buffer.concat([hex('9a'), Buffer.from(tail)])
        let once: Buffer
        try {
          once = normaliseContainer(sent, LIST)
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError)
          return
        }
        expect(normaliseContainer(once, LIST)).toEqual(once)
      }),
      { numRuns: 2_000 },
    )
  })
})
