import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { isPlainList } from '../../../lib/embedded/operations/plain-list.ts'
import { MSGPACK_KINDS, normaliseContainer } from '../../../lib/protocol/index.ts'

function normalForm(list: Buffer): Buffer | undefined {
  try {
    return normaliseContainer(list, MSGPACK_KINDS.LIST)
  } catch {
    return undefined
  }
}

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

/** Bytes with which lists, their elements, and what is wrong with them begin. */
const telling = fc.constantFrom(
  ...hex('00 01 02 03 7f 80 81 90 91 93 9f a0 a1 a3 bf c0 c1 c2 c3 c4 c7 ca cc cd ce cf d0 d9 dc dd e0 ff'),
)
const almostLists = fc
  .tuple(fc.constantFrom(0x90, 0x91, 0x92, 0x93, 0xdc), fc.array(telling, { maxLength: 40 }))
  .map(([head, rest]) => Buffer.from([head, ...rest]))

describe('a plain list', () => {
  it('is its own normal form, whatever the bytes', () => {
    let plain = 0
    fc.assert(
      fc.property(almostLists, list => {
        if (!isPlainList(list, 0, list.length)) return
        plain++
        expect(normalForm(list)).toEqual(list)
      }),
      { numRuns: 20_000 },
    )
    expect(plain).toBeGreaterThan(100)
  })

  it.each([
    ['an empty list', '90'],
    ['integers in their shortest form', '96 00 7f cc80 cd0100 ce00010000 ff'],
    ['nil and booleans', '93 c0 c2 c3'],
    ['strings and blobs', `93 a3036162 d92104${'00'.repeat(32)} a0`],
    ['sixteen elements', `dc0010 ${'01'.repeat(16)}`],
  ])('is %s', (_what, text) => {
    const list = hex(text)
    expect(isPlainList(list, 0, list.length)).toBe(true)
    const amid = Buffer.concat([hex('93'), list, hex('01')])
    expect(isPlainList(amid, 1, 1 + list.length)).toBe(true)
  })

  it.each([
    ['a map', '81 01 01'],
    ['a longer form of an integer', '91 cc7f'],
    ['a longer form of a length', '91 d9020361'],
    ['a longer form of a count', 'dc0001 01'],
    ['flags', '92 c70001 01'],
    ['too few elements', '92 01'],
    ['an element that is cut off', '91 a30361'],
    ['an integer that is cut off', '91 cd01'],
    ['bytes behind it', '91 01 01'],
    ['nothing', ''],
  ])('is not %s', (_what, text) => {
    const list = hex(text)
    expect(isPlainList(list, 0, list.length)).toBe(false)
    // Not with what happens to lie behind it either.
    expect(isPlainList(Buffer.concat([list, Buffer.alloc(8, 1)]), 0, list.length)).toBe(false)
  })
})
