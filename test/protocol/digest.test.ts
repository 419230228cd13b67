import { describe, expect, it } from '@jest/globals'
import { partitionId, recordDigest, userKey } from '../../lib/protocol/digest.ts'
import { hex } from './hex.ts'

describe('digest', () => {
  it.each([
    ['demo', 'r1', 'ca15d03d9aaf0c0ca349e7de5b12ba8a0db5d0a4', 1482],
    ['demo', 'r2', '5e2c05104e85354ec330c4099fd369ebaf459e18', 3166],
    ['demo', 'r3', 'bc25a03b3e22bcd58d96b50decdc195adc7831cf', 1468],
    ['demo', 'k1', 'b747f5854d0b33259928d0cfab7fad81d6abfbf6', 1975],
    ['demo', 1, 'b7f4b83889e2da67de683e1df6919a1eacc446c8', 1207],
    ['demo', 1n, 'b7f4b83889e2da67de683e1df6919a1eacc446c8', 1207],
    ['', 'k', '6896afa4f6819bd9a44dcae9c021ec0364d2662a', 1640],
    ['demo', hex('0102'), '41721215fd2e56087e4f962047729a972784f317', 577],
  ])('of set %j and key %p', (setName, key, digest, partition) => {
    const got = recordDigest(setName, userKey(key))
    expect(got.toString('hex')).toBe(digest)
    expect(partitionId(got)).toBe(partition)
  })
})
