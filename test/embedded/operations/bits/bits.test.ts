import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  type BitRange,
  bitAt,
  bitsFromInteger,
  integerFromBits,
  readBits,
  withBits,
} from '../../../../lib/embedded/operations/bits/bit-range.ts'
import { OPERATION_CODES, RESULT_CODES } from '../../../../lib/protocol/index.ts'
import {
  type Argument,
  blob,
  list,
  NOTHING,
  type Outcome,
  run,
  type Start,
} from '../support/operation-lab.ts'

// What is expected here was answered by a real server (8.1.2).

const { BIN_EXISTS, BIN_NOT_FOUND, INCOMPATIBLE_TYPE, OP_NOT_APPLICABLE, PARAMETER } = RESULT_CODES
const failed = (resultCode: number): Outcome => ({ resultCode })
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))
const BLOB = blob('aaff0001')
const [CREATE_ONLY, UPDATE_ONLY, NO_FAIL, PARTIAL] = [1, 2, 4, 8]

describe('what is wrong with a payload', () => {
  const TEXT = { type: 3, value: Buffer.from('abc') }

  it.each<[string, Argument[]]>([
    ['resize flags there are not', [0, 5, 0, 8]],
    ['resize only up and only down', [0, 5, 0, 6]],
    ['insert of nothing', [1, 0, bytes(''), CREATE_ONLY | NO_FAIL]],
    ['neither create nor update', [1, 0, bytes('01'), CREATE_ONLY | UPDATE_ONLY]],
    ['remove of nothing', [2, 0, 0, NO_FAIL]],
    ['set of no bits', [3, 0, 0, bytes('ff'), NO_FAIL]],
    ['not of no bits', [7, 0, 0]],
    ['shift back', [8, 0, 8, -1]],
    ['add to more bits than an integer has', [10, 0, 65, 1]],
    ['add of a text', [10, 0, 8, 'a']],
    ['overflow action there is not', [10, 0, 8, 1, 0, 8]],
    ['saturated and wrapped', [10, 0, 8, 1, 0, 6]],
    ['set integer of no bits', [12, 0, 0, 1]],
  ])('is told before there is no bin, or one of another type: %s', (_name, payload) => {
    for (const start of [BLOB, undefined, TEXT]) {
      expect(run(OPERATION_CODES.BITS_MODIFY, start, payload).answer).toEqual(failed(PARAMETER))
    }
  })

  it.each<[string, Argument[]]>([
    ['get of no bits', [50, 0, 0]],
    ['scan for nothing', [52, 9999, 8]],
    ['scan for a number', [53, 9999, 8, 5]],
    ['integer of too many bits', [54, 9999, 65]],
    ['integer flags there are not', [54, 0, 8, 2]],
  ])('is told before bits past the end, or another type: %s', (_name, payload) => {
    for (const start of [BLOB, TEXT]) {
      expect(run(OPERATION_CODES.BITS_READ, start, payload).answer).toEqual(failed(PARAMETER))
    }
  })

  it('goes before that a bin is there, which goes before its type', () => {
    const payload: Argument[] = [1, 0, bytes('01'), CREATE_ONLY]
    expect(run(OPERATION_CODES.BITS_MODIFY, TEXT, payload).answer).toEqual(failed(BIN_EXISTS))
  })
})

describe('bit writes', () => {
  it.each<[string, Start | undefined, Argument[], Outcome, string | undefined]>([
    ['resize', BLOB, [0, 6, 0], NOTHING, 'aaff00010000'],
    ['resize at the front', BLOB, [0, 6, 0, 1], NOTHING, '0000aaff0001'],
    ['resize down at the front', BLOB, [0, 1, 0, 1], NOTHING, '01'],
    ['resize down that may only grow', BLOB, [0, 1, 0, 2], failed(PARAMETER), 'aaff0001'],
    ['resize of nothing', undefined, [0, 2], NOTHING, '0000'],
    ['insert', BLOB, [1, 1, bytes('1122')], NOTHING, 'aa1122ff0001'],
    ['insert past the end', BLOB, [1, 5, bytes('11')], NOTHING, 'aaff00010011'],
    ['insert before the start', BLOB, [1, -5, bytes('11')], failed(PARAMETER), 'aaff0001'],
    ['remove', BLOB, [2, -2, 1], NOTHING, 'aaff01'],
    ['remove past the end', BLOB, [2, 3, 9], failed(PARAMETER), 'aaff0001'],
    ['remove past the end, partly', BLOB, [2, 3, 9, PARTIAL], NOTHING, 'aaff00'],
    ['set', BLOB, [3, 4, 8, bytes('00')], NOTHING, 'a00f0001'],
    ['set with too few bits', BLOB, [3, 0, 16, bytes('ff')], failed(PARAMETER), 'aaff0001'],
    ['set past the end', BLOB, [3, 28, 8, bytes('ff')], failed(OP_NOT_APPLICABLE), 'aaff0001'],
    ['set past the end, no fail', BLOB, [3, 28, 8, bytes('ff'), NO_FAIL], NOTHING, 'aaff0001'],
    ['set past the end, partly', BLOB, [3, 28, 8, bytes('ff'), PARTIAL], NOTHING, 'aaff000f'],
    ['or', BLOB, [4, 4, 12, bytes('5550')], NOTHING, 'afff0001'],
    ['xor', BLOB, [5, 0, 12, bytes('abcd')], NOTHING, '013f0001'],
    ['and', BLOB, [6, 8, 8, bytes('0f')], NOTHING, 'aa0f0001'],
    ['not', BLOB, [7, 6, 4], NOTHING, 'a93f0001'],
    ['not of no bits', BLOB, [7, 0, 0], failed(PARAMETER), 'aaff0001'],
    ['shift left', BLOB, [8, 4, 12, 3], NOTHING, 'a7f80001'],
    ['shift right', BLOB, [9, 0, 16, 4], NOTHING, '0aaf0001'],
    ['shift by all', BLOB, [9, 0, 16, 20], NOTHING, '00000001'],
    ['add', BLOB, [10, 24, 8, 5], NOTHING, 'aaff0006'],
    ['add across bytes', blob('0000'), [10, 3, 7, 2], NOTHING, '0080'],
    ['add over', blob('00ff'), [10, 8, 8, 1], failed(OP_NOT_APPLICABLE), '00ff'],
    ['add over, wrapped', blob('00ff'), [10, 8, 8, 1, 0, 4], NOTHING, '0000'],
    ['add over, saturated', blob('7f'), [10, 0, 8, 1, 0, 3], NOTHING, '7f'],
    ['subtract over, saturated', blob('80'), [11, 0, 8, 1, 0, 3], NOTHING, '80'],
    ['subtract over, wrapped', blob('00'), [11, 0, 8, 1, 0, 4], NOTHING, 'ff'],
    ['add to too many bits', BLOB, [10, 0, 65, 1], failed(PARAMETER), 'aaff0001'],
    ['set integer', BLOB, [12, 3, 5, 31], NOTHING, 'bfff0001'],
    ['set integer, partly', BLOB, [12, 0, 8, 1, PARTIAL], failed(PARAMETER), 'aaff0001'],
    ['create only, there', BLOB, [1, 0, bytes('11'), CREATE_ONLY], failed(BIN_EXISTS), 'aaff0001'],
    ['update only, not there', undefined, [1, 0, bytes('11'), UPDATE_ONLY], failed(BIN_NOT_FOUND), undefined],
    ['not of nothing', undefined, [7, 0, 8], failed(BIN_NOT_FOUND), undefined],
    ['not of nothing, no fail', undefined, [7, 0, 8, NO_FAIL], NOTHING, undefined],
    ['not of a list', list(1), [7, 0, 8], failed(INCOMPATIBLE_TYPE), '9101'],
    ['code that there is not', BLOB, [13, 0, 8], failed(PARAMETER), 'aaff0001'],
  ])('%s', (_what, start, operation, answer, after) => {
    expect(run(OPERATION_CODES.BITS_MODIFY, start, operation)).toEqual({ answer, after })
  })
})

describe('bit reads', () => {
  it.each<[string, Start | undefined, Argument[], Outcome]>([
    ['get', BLOB, [50, 4, 6], bytes('ac')],
    ['get past the end', BLOB, [50, 28, 8], failed(OP_NOT_APPLICABLE)],
    ['get before the start', BLOB, [50, -40, 8], failed(PARAMETER)],
    ['get of nothing', undefined, [50, 0, 8], NOTHING],
    ['count', BLOB, [51, 4, 9], 7],
    ['scan from the left', BLOB, [52, 1, 31, true], 1],
    ['scan from the right', BLOB, [53, 0, 32, true], 31],
    ['scan that finds nothing', BLOB, [52, 8, 8, false], -1],
    ['scan for no boolean', BLOB, [52, 8, 8, 1], failed(PARAMETER)],
    ['integer', BLOB, [54, 0, 8], 0xaa],
    ['integer, signed', BLOB, [54, 0, 8, 1], -86],
    ['integer of too many bits', BLOB, [54, 0, 65], failed(PARAMETER)],
  ])('%s', (_what, start, operation, answer) => {
    expect(run(OPERATION_CODES.BITS_READ, start, operation).answer).toEqual(answer)
  })
})

describe('ranges of bits', () => {
  const blobWithRange = fc.uint8Array({ minLength: 1, maxLength: 12 }).chain(source =>
    fc.tuple(
      fc.constant(Buffer.from(source)),
      fc.nat(8 * source.length - 1).chain(offset =>
        fc.record({
          offset: fc.constant(offset),
          size: fc.integer({ min: 1, max: 8 * source.length - offset }),
        }),
      ),
    ),
  )

  const inRange = (at: number, { offset, size }: BitRange) => at >= offset && at < offset + size

  it('are read bit by bit', () => {
    fc.assert(
      fc.property(blobWithRange, ([source, range]) => {
        const bits = readBits(source, range)
        for (let at = 0; at < 8 * bits.length; at++) {
          expect(bitAt(bits, at)).toBe(at < range.size && bitAt(source, range.offset + at))
        }
      }),
    )
  })

  it('are written without a change to the bits around them', () => {
    fc.assert(
      fc.property(blobWithRange, fc.uint8Array({ minLength: 12, maxLength: 12 }), ([source, range], bits) => {
        const written = withBits(source, range, bits)
        expect(written).toHaveLength(source.length)
        for (let at = 0; at < 8 * source.length; at++) {
          expect(bitAt(written, at)).toBe(
            inRange(at, range) ? bitAt(bits, at - range.offset) : bitAt(source, at),
          )
        }
      }),
    )
  })

  it('hold integers of any width', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
        fc.integer({ min: 1, max: 64 }),
        (value, size) => {
          expect(integerFromBits(bitsFromInteger(value, size), size)).toBe(BigInt.asUintN(size, value))
        },
      ),
    )
  })
})
