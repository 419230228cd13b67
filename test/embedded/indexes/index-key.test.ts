import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  hashKey,
  integerKey,
  keyOfInteger,
  readKey,
  writeKey,
} from '../../../lib/embedded/indexes/index-key.ts'

const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(
    0n,
    -1n,
    2n ** 53n - 1n,
    2n ** 53n,
    -(2n ** 53n) + 1n,
    -(2n ** 53n),
    2n ** 63n - 1n,
    -(2n ** 63n),
  ),
)

function bytesOf(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}

describe('keys of integers', () => {
  it('keep the value, and are a number exactly where that is safe', () => {
    fc.assert(
      fc.property(int64, value => {
        const key = integerKey(bytesOf(value), 0)
        expect(BigInt(key)).toBe(value)
        expect(typeof key === 'number').toBe(Number.isSafeInteger(Number(value)))
        expect(keyOfInteger(value)).toBe(key)
      }),
    )
  })

  it('come back from the bytes of a reply', () => {
    fc.assert(
      fc.property(int64, value => {
        const key = integerKey(bytesOf(value), 0)
        expect(readKey(writeKey(key))).toBe(key)
      }),
    )
  })

  it('travel little-endian', () => {
    expect(writeKey(258).toString('hex')).toBe('0201000000000000')
  })
})

describe('keys of strings and blobs', () => {
  it('are the same for the same bytes, and safe integers', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), bytes => {
        const key = hashKey(Buffer.from(bytes))
        expect(Number.isSafeInteger(key)).toBe(true)
        expect(hashKey(Buffer.concat([Buffer.from(bytes)]))).toBe(key)
        expect(readKey(writeKey(key))).toBe(key)
      }),
    )
  })

  it('differ for keys that are much alike', () => {
    const keys = Array.from({ length: 50_000 }, (_, at) => hashKey(Buffer.from(`txid-${at}`)))
    expect(new Set(keys).size).toBe(keys.length)
  })
})
