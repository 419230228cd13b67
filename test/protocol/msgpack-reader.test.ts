import { describe, expect, it } from '@jest/globals'
import { MSGPACK_KINDS, MsgpackReader } from '../../lib/protocol/msgpack-reader.ts'
import { ProtocolError } from '../../lib/protocol/protocol-error.ts'
import { hex } from './hex.ts'

describe('MsgpackReader', () => {
  it('steps over a value with all that it contains', () => {
    const reader = new MsgpackReader(hex('82 a20361 9301a2036102 c70001 80 07'))
    reader.skip()
    expect([reader.next(), reader.integer(), reader.atEnd]).toEqual([MSGPACK_KINDS.INTEGER, 7, true])
  })

  it('steps over 100,000 levels', () => {
    const reader = new MsgpackReader(hex(`${'91'.repeat(100_000)}00`))
    reader.skip()
    expect(reader.atEnd).toBe(true)
  })

  // Before anybody makes room for the elements.
  it.each(['ddffffffff00', '9301', 'dfffffffff00', '820101'])('refuses the count of %s at once', digits => {
    expect(() => new MsgpackReader(hex(digits)).next()).toThrow(ProtocolError)
  })

  it('stays within the part of the buffer it is given', () => {
    const reader = new MsgpackReader(hex('a2036107'), 0, 2)
    expect(() => reader.next()).toThrow(ProtocolError)
  })
})
