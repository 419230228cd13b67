import { describe, expect, it } from '@jest/globals'
import { CommandError } from '../../../lib/embedded/command-error.ts'
import { isExpired, voidTimeAfterRead, voidTimeAfterWrite } from '../../../lib/embedded/storage/expiry.ts'
import { RESULT_CODES } from '../../../lib/protocol/index.ts'

const NOW = 1_000_000
const NO_DEFAULT = { defaultTtlSeconds: 0, ttlAllowed: true }
const DEFAULT_50 = { defaultTtlSeconds: 50, ttlAllowed: true }
const FORBIDDEN = { defaultTtlSeconds: 0, ttlAllowed: false }

describe('voidTimeAfterWrite', () => {
  it.each([
    ['0 without a default', 0, undefined, NO_DEFAULT, 0],
    ['0 with a default', 0, undefined, DEFAULT_50, NOW + 50],
    ['0 on a record with an expiry', 0, NOW + 9, NO_DEFAULT, 0],
    ['never', 0xffffffff, NOW + 9, DEFAULT_50, 0],
    ['keep', 0xfffffffe, NOW + 9, DEFAULT_50, NOW + 9],
    ['keep what never expires', 0xfffffffe, 0, DEFAULT_50, 0],
    ['keep on a new record', 0xfffffffe, undefined, DEFAULT_50, NOW + 50],
    ['seconds', 7, undefined, DEFAULT_50, NOW + 7],
    ['ten years', 315_360_000, undefined, NO_DEFAULT, NOW + 315_360_000],
    ['never, where nothing may expire', 0, undefined, FORBIDDEN, 0],
  ])('%s', (_what, recordTtl, current, policy, expected) => {
    expect(voidTimeAfterWrite(recordTtl, current, NOW, policy)).toBe(expected)
  })

  it.each([
    ['more than ten years', 315_360_001, NO_DEFAULT, RESULT_CODES.PARAMETER],
    ['-3', 0xfffffffd, NO_DEFAULT, RESULT_CODES.PARAMETER],
    ['an expiry where nothing may expire', 1, FORBIDDEN, RESULT_CODES.FORBIDDEN],
  ])('refuses %s', (_what, recordTtl, policy, resultCode) => {
    expect(() => voidTimeAfterWrite(recordTtl, undefined, NOW, policy)).toThrow(
      expect.objectContaining({ resultCode }),
    )
  })
})

describe('voidTimeAfterRead', () => {
  const record = { voidTimeSeconds: 1_100, lastUpdateMs: 1_000_000 }

  it.each([
    ['0 percent', 0, 1_099, undefined],
    ['never', 0xffffffff, 1_099, undefined],
    ['half of the time, with more left', 50, 1_049, undefined],
    ['half of the time, with just that left', 50, 1_050, 1_150],
    ['all of the time', 100, 1_000, 1_100],
  ])('%s', (_what, percent, now, expected) => {
    expect(voidTimeAfterRead(percent, record, now)).toBe(expected)
  })

  it('refuses what is no percentage, where the record can expire at all', () => {
    expect(() => voidTimeAfterRead(101, record, 1_000)).toThrow(CommandError)
    expect(voidTimeAfterRead(101, { ...record, voidTimeSeconds: 0 }, 1_000)).toBeUndefined()
  })
})

describe('isExpired', () => {
  it.each([
    [0, NOW, false],
    [NOW, NOW, false],
    [NOW - 1, NOW, true],
  ])('void time %i at %i: %p', (voidTime, now, expected) => {
    expect(isExpired(voidTime, now)).toBe(expected)
  })
})
