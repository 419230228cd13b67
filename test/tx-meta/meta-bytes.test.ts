import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type CachedMetadata, decodeMetaBytes, encodeMetaBytes } from '../../lib/tx-meta/meta-bytes.ts'

const metadata: fc.Arbitrary<CachedMetadata> = fc.record({
  fee: fc.maxSafeNat(),
  sizeInBytes: fc.maxSafeNat(),
  isCoinbase: fc.boolean(),
  frozen: fc.boolean(),
  conflicting: fc.boolean(),
  locked: fc.boolean(),
  txInpoints: fc.array(
    fc.record({
      txid: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      vouts: fc.array(fc.nat(2 ** 32 - 1), { maxLength: 4 }),
    }),
    { maxLength: 4 },
  ),
})

const SAMPLE: CachedMetadata = {
  fee: 258,
  sizeInBytes: 400,
  isCoinbase: false,
  frozen: true,
  conflicting: false,
  locked: true,
  txInpoints: [{ txid: new Uint8Array(32).fill(0xab), vouts: [0, 7] }],
}

describe('meta bytes', () => {
  it('are laid out as the reference reads them', () => {
    expect(Buffer.from(encodeMetaBytes(SAMPLE)).toString('hex')).toBe(
      [
        '0201000000000000',
        '9001000000000000',
        '0a',
        '01000000',
        'ab'.repeat(32),
        '02000000',
        '00000000',
        '07000000',
      ].join(''),
    )
  })

  it('come back as they were', () => {
    fc.assert(fc.property(metadata, each => expect(decodeMetaBytes(encodeMetaBytes(each))).toEqual(each)))
  })

  it('are refused when they are cut anywhere, or longer', () => {
    const bytes = encodeMetaBytes(SAMPLE)
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeMetaBytes(bytes.subarray(0, length))).toThrow(
        expect.objectContaining({ code: 'PROCESSING' }),
      )
    }
    expect(() => decodeMetaBytes(Buffer.concat([bytes, new Uint8Array(1)]))).toThrow(/left over/)
  })

  it('are refused with counts that promise more than there is, before anything is allocated', () => {
    const parents = Buffer.from(encodeMetaBytes(SAMPLE))
    parents.writeUInt32LE(0xffffffff, 17)
    expect(() => decodeMetaBytes(parents)).toThrow(/4294967295 parents do not fit/)
    const vouts = Buffer.from(encodeMetaBytes(SAMPLE))
    vouts.writeUInt32LE(0xffffffff, 53)
    expect(() => decodeMetaBytes(vouts)).toThrow(/do not fit/)
  })

  it('are refused with a flag that nobody knows', () => {
    const bytes = Buffer.from(encodeMetaBytes(SAMPLE))
    bytes[16] = 0x10
    expect(() => decodeMetaBytes(bytes)).toThrow(/flags 16/)
  })

  it.each([-1, 1.5, Number.NaN, 2 ** 53, 1n, '1', Symbol('1'), undefined])(
    'do not hold a fee of %p',
    given => {
      const fee = given as number
      expect(() => encodeMetaBytes({ ...SAMPLE, fee })).toThrow(
        expect.objectContaining({ code: 'PROCESSING' }),
      )
    },
  )

  it.each([undefined, null, 'x', {}])('do not hold parents that are %p', given => {
    const txInpoints = given as unknown as CachedMetadata['txInpoints']
    expect(() => encodeMetaBytes({ ...SAMPLE, txInpoints })).toThrow(
      expect.objectContaining({ code: 'PROCESSING' }),
    )
  })

  it.each<[string, CachedMetadata['txInpoints'][number]]>([
    ['nothing in it', null as never],
    ['no outputs', { txid: new Uint8Array(32) } as never],
    ['an output that is a symbol', { txid: new Uint8Array(32), vouts: [Symbol('0') as never] }],
    ['a txid of four bytes', { txid: new Uint8Array(4), vouts: [0] }],
    ['a txid that is text', { txid: 'ab'.repeat(32) as unknown as Uint8Array, vouts: [0] }],
    ['an output below zero', { txid: new Uint8Array(32), vouts: [-1] }],
    ['an output beyond 32 bits', { txid: new Uint8Array(32), vouts: [2 ** 32] }],
  ])('do not hold a parent with %s', (_, parent) => {
    expect(() => encodeMetaBytes({ ...SAMPLE, txInpoints: [parent] })).toThrow(
      expect.objectContaining({ code: 'PROCESSING' }),
    )
  })

  it('come back with the largest amounts that a number holds, and are refused with larger ones', () => {
    const bytes = Buffer.from(
      encodeMetaBytes({ ...SAMPLE, fee: Number.MAX_SAFE_INTEGER, sizeInBytes: 2 ** 32 }),
    )
    expect(decodeMetaBytes(bytes)).toMatchObject({ fee: Number.MAX_SAFE_INTEGER, sizeInBytes: 2 ** 32 })
    for (const amount of [2n ** 53n, 2n ** 53n + 1n, 2n ** 64n - 1n]) {
      bytes.writeBigUInt64LE(amount, 0)
      expect(() => decodeMetaBytes(bytes)).toThrow(expect.objectContaining({ code: 'PROCESSING' }))
    }
  })
})
