import { describe, expect, it } from '@jest/globals'
import { CommandError } from '../../../lib/embedded/command-error.ts'
import { hashKey } from '../../../lib/embedded/indexes/index-key.ts'
import { parseIndexRange } from '../../../lib/embedded/queries/index-range.ts'
import { encodeParticle, PARTICLE_TYPES, RESULT_CODES } from '../../../lib/protocol/index.ts'
import { rangeField } from '../support/query-messages.ts'

const { PARAMETER, UNSUPPORTED_FEATURE } = RESULT_CODES

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex')
}

describe('parseIndexRange', () => {
  it('reads the captured range n in [3, 7]', () => {
    const data = hex('01 01 6e 01 00000008 0000000000000003 00000008 0000000000000007')
    expect(parseIndexRange(data)).toEqual({
      binName: 'n',
      valueType: PARTICLE_TYPES.INTEGER,
      interval: { begin: 3, end: 7, bytes: undefined },
    })
  })

  it('reads integers beyond 53 bits', () => {
    const { interval } = parseIndexRange(Buffer.from(rangeField('n', -(2n ** 63n), 2n ** 63n - 1n).data))
    expect([interval.begin, interval.end]).toEqual([-(2n ** 63n), 2n ** 63n - 1n])
  })

  it.each(['a', '', 'żółć', 'x'.repeat(2047)])('looks for a string by its hash', text => {
    const { interval, valueType } = parseIndexRange(Buffer.from(rangeField('n', text).data))
    const bytes = Buffer.from(text)
    expect(valueType).toBe(PARTICLE_TYPES.STRING)
    expect(interval).toEqual({ begin: hashKey(bytes), end: hashKey(bytes), bytes })
  })

  it('ignores bytes behind the range, and the last value of a string', () => {
    const data = Buffer.concat([Buffer.from(rangeField('n', 'a', 'b').data), Buffer.from([9, 9])])
    expect(parseIndexRange(data).interval.bytes?.toString()).toBe('a')
  })

  const INTEGER_3 = '00000008 0000000000000003'
  it.each([
    ['nothing', '', PARAMETER],
    ['no range', `00 01 6e 01 ${INTEGER_3} ${INTEGER_3}`, PARAMETER],
    ['two ranges', `02 01 6e 01 ${INTEGER_3} ${INTEGER_3}`, PARAMETER],
    ['a name that is cut off', '01 05 6e', PARAMETER],
    ['a name of 16 bytes', `01 10 ${'6e'.repeat(16)} 01 ${INTEGER_3} ${INTEGER_3}`, PARAMETER],
    ['an integer of 4 bytes', '01 01 6e 01 00000004 00000003 00000004 00000003', PARAMETER],
    ['no last value', `01 01 6e 01 ${INTEGER_3}`, PARAMETER],
    ['a length beyond the end', '01 01 6e 03 ffffffff 61', PARAMETER],
    ['a begin above the end', `01 01 6e 01 ${INTEGER_3} 00000008 0000000000000002`, PARAMETER],
    ['a double', `01 01 6e 02 ${INTEGER_3} ${INTEGER_3}`, PARAMETER],
    ['a string of 2,048 bytes', `01 01 6e 03 00000800 ${'61'.repeat(2048)} 00000000`, PARAMETER],
    ['GeoJSON', '01 01 6e 17 00000002 7b7d 00000002 7b7d', UNSUPPORTED_FEATURE],
  ])('refuses %s', (_name, text, code) => {
    let refusal: unknown
    try {
      parseIndexRange(hex(text))
    } catch (error) {
      refusal = error
    }
    expect(refusal).toBeInstanceOf(CommandError)
    expect(refusal).toMatchObject({ resultCode: code })
  })

  it('tells an integer from a string of the same bytes', () => {
    const value = Buffer.from(encodeParticle(3).value)
    const asString = parseIndexRange(Buffer.from(rangeField('n', value.toString('latin1')).data))
    expect(asString.interval.bytes).toEqual(value)
  })
})
