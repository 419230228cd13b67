import { RESULT_CODES } from '../../../protocol/index.ts'
import { badRequest, CommandError, notApplicable } from '../../command-error.ts'
import type { Arguments } from '../collections/collection-request.ts'
import { type BitRange, bitsFromInteger, integerFromBits, readBits, withBits } from './bit-range.ts'
import {
  BIT_WRITE_FLAGS,
  bitRange,
  blobArgument,
  checkIntegerRange,
  checkRange,
  integerArgument,
  knownFlags,
  offsetWithin,
  operandFor,
} from './bit-request.ts'

/** A blob cannot be made larger than this: no record holds more. */
const BLOB_BYTES_MAX = 16 * 1024 * 1024

const RESIZE_FLAGS = { FROM_FRONT: 1, GROW_ONLY: 2, SHRINK_ONLY: 4 } as const
const RESIZE_FLAGS_KNOWN = 7
/** Flags that contradict each other. */
const RESIZE_ONE_WAY = RESIZE_FLAGS.GROW_ONLY | RESIZE_FLAGS.SHRINK_ONLY
const OVERFLOW_ACTIONS = { SIGNED: 1, SATURATE: 2, WRAP: 4 } as const
const OVERFLOW_ACTIONS_KNOWN = 7
const OVERFLOW_ONE_WAY = OVERFLOW_ACTIONS.SATURATE | OVERFLOW_ACTIONS.WRAP

const { CREATE_ONLY, UPDATE_ONLY, NO_FAIL, PARTIAL } = BIT_WRITE_FLAGS
const CREATING_FLAGS = CREATE_ONLY | UPDATE_ONLY | NO_FAIL
const RANGE_FLAGS = UPDATE_ONLY | NO_FAIL | PARTIAL
/** Half an integer makes no sense. */
const INTEGER_FLAGS = UPDATE_ONLY | NO_FAIL

/** A bit operation that changes a blob (protocol 8.8). */
export interface BitModify {
  /** Which argument holds the flags; those before it have to be there. */
  readonly flagsArgument: number
  /** Arguments behind the flags that it knows. */
  readonly argumentsBehindFlags?: number
  /** The write flags that it takes; those that take CREATE_ONLY make a blob when there is none. */
  readonly flagsAllowed: number
  /** Checks what can be told without a blob. @throws CommandError PARAMETER */
  readonly check: (args: Arguments) => void
  /** @returns the blob afterwards; the one given is not changed */
  readonly modify: (blob: Buffer, args: Arguments, flags: number) => Buffer
}

function checkedLength(length: number): number {
  if (length < 0) throw badRequest(`blob of ${length} bytes`)
  if (length > BLOB_BYTES_MAX) throw new CommandError(RESULT_CODES.RECORD_TOO_BIG)
  return length
}

function checkResize(args: Arguments): void {
  checkedLength(args.integer(0))
  const flags = knownFlags(args, 2, RESIZE_FLAGS_KNOWN)
  if ((flags & RESIZE_ONE_WAY) === RESIZE_ONE_WAY) throw badRequest(`resize flags ${flags}`)
}

function resize(blob: Buffer, args: Arguments, writeFlags: number): Buffer {
  const length = args.integer(0)
  const flags = args.integerOr(2, 0)
  const isGrowing = length > blob.length
  const isShrinking = length < blob.length
  const grows = (flags & RESIZE_FLAGS.GROW_ONLY) !== 0
  const shrinks = (flags & RESIZE_FLAGS.SHRINK_ONLY) !== 0
  if ((grows && isShrinking) || (shrinks && isGrowing)) {
    if ((writeFlags & NO_FAIL) !== 0) return blob
    throw badRequest(`resize flags ${flags}`)
  }
  const resized = Buffer.alloc(length)
  if ((flags & RESIZE_FLAGS.FROM_FRONT) === 0) blob.copy(resized)
  else blob.copy(resized, Math.max(length - blob.length, 0), Math.max(blob.length - length, 0))
  return resized
}

function checkInsert(args: Arguments): void {
  args.integer(0)
  if (blobArgument(args, 1).length === 0) throw badRequest('insert of nothing')
}

function insert(blob: Buffer, args: Arguments): Buffer {
  const value = blobArgument(args, 1)
  const offset = offsetWithin(args.integer(0), blob.length)
  const gap = Buffer.alloc(checkedLength(Math.max(offset - blob.length, 0)))
  return Buffer.concat([blob.subarray(0, offset), gap, value, blob.subarray(offset)])
}

function remove(blob: Buffer, args: Arguments, flags: number): Buffer {
  const size = args.integer(1)
  const offset = offsetWithin(args.integer(0), blob.length)
  const isPast = offset + size > blob.length
  const isCut = (flags & PARTIAL) !== 0 && offset < blob.length
  if (isPast && !isCut) {
    if ((flags & NO_FAIL) !== 0) return blob
    throw badRequest(`bytes ${offset} to ${offset + size}`)
  }
  return Buffer.concat([blob.subarray(0, offset), blob.subarray(offset + size)])
}

/** Bits of a range and of an operand to those of the result. */
function combining(combine: (bits: number, operand: number) => number): BitModify {
  return {
    flagsArgument: 3,
    flagsAllowed: RANGE_FLAGS,
    check(args) {
      checkRange(args)
      operandFor(args, 2)
    },
    modify(blob, args, flags) {
      const operand = operandFor(args, 2)
      const range = bitRange(blob, args, flags)
      const bits = readBits(blob, range)
      for (const [at, byte] of bits.entries()) bits[at] = combine(byte, operand[at] ?? 0)
      return withBits(blob, range, bits)
    },
  }
}

function not(blob: Buffer, args: Arguments, flags: number): Buffer {
  const range = bitRange(blob, args, flags)
  const bits = readBits(blob, range)
  return withBits(
    blob,
    range,
    bits.map(byte => ~byte),
  )
}

function shiftLeft(blob: Buffer, args: Arguments, flags: number): Buffer {
  const range = bitRange(blob, args, flags)
  const shift = Math.min(args.integer(2), range.size)
  const kept = readBits(blob, { offset: range.offset + shift, size: range.size - shift })
  return withBits(blob, range, kept)
}

function shiftRight(blob: Buffer, args: Arguments, flags: number): Buffer {
  const range = bitRange(blob, args, flags)
  const shift = Math.min(args.integer(2), range.size)
  const kept = readBits(blob, { offset: range.offset, size: range.size - shift })
  const cleared = withBits(blob, range, Buffer.alloc(0))
  return withBits(cleared, { offset: range.offset + shift, size: range.size - shift }, kept)
}

function checkShift(args: Arguments): void {
  checkRange(args)
  const shift = args.integer(2)
  if (shift < 0) throw badRequest(`shift by ${shift}`)
}

/** Adds a multiple of an integer to the bits of a range, which are an integer themselves. */
function adding(sign: 1n | -1n): BitModify {
  return {
    flagsArgument: 3,
    argumentsBehindFlags: 1,
    flagsAllowed: INTEGER_FLAGS,
    check(args) {
      checkSetInteger(args)
      const action = knownFlags(args, 4, OVERFLOW_ACTIONS_KNOWN)
      if ((action & OVERFLOW_ONE_WAY) === OVERFLOW_ONE_WAY) throw badRequest(`overflow action ${action}`)
    },
    modify(blob, args, flags) {
      const range = bitRange(blob, args, flags)
      const action = args.integerOr(4, 0)
      const isSigned = (action & OVERFLOW_ACTIONS.SIGNED) !== 0
      const within = (value: bigint) => (isSigned ? BigInt.asIntN : BigInt.asUintN)(range.size, value)
      const current = within(integerFromBits(readBits(blob, range), range.size))
      const sum = current + sign * within(integerArgument(args, 2))
      const stored = within(sum) === sum ? sum : overflown(sum, range, action)
      return withBits(blob, range, bitsFromInteger(stored, range.size))
    },
  }
}

/** What is stored of a sum that does not fit. @throws CommandError OP_NOT_APPLICABLE unless an action says */
function overflown(sum: bigint, { size }: BitRange, action: number): bigint {
  if ((action & OVERFLOW_ACTIONS.WRAP) !== 0) return sum
  if ((action & OVERFLOW_ACTIONS.SATURATE) === 0) {
    throw notApplicable('overflow')
  }
  const isSigned = (action & OVERFLOW_ACTIONS.SIGNED) !== 0
  const highest = (1n << BigInt(isSigned ? size - 1 : size)) - 1n
  const lowest = isSigned ? -highest - 1n : 0n
  return sum > highest ? highest : lowest
}

function checkSetInteger(args: Arguments): void {
  checkIntegerRange(args)
  integerArgument(args, 2)
}

function setInteger(blob: Buffer, args: Arguments, flags: number): Buffer {
  const range = bitRange(blob, args, flags)
  return withBits(blob, range, bitsFromInteger(integerArgument(args, 2), range.size))
}

/** By code. */
export const BIT_MODIFIES: ReadonlyMap<number, BitModify> = new Map([
  [
    0,
    {
      flagsArgument: 1,
      argumentsBehindFlags: 1,
      flagsAllowed: CREATING_FLAGS,
      check: checkResize,
      modify: resize,
    },
  ],
  [1, { flagsArgument: 2, flagsAllowed: CREATING_FLAGS, check: checkInsert, modify: insert }],
  [2, { flagsArgument: 2, flagsAllowed: RANGE_FLAGS, check: checkRange, modify: remove }],
  [3, combining((_, operand) => operand)],
  [4, combining((bits, operand) => bits | operand)],
  [5, combining((bits, operand) => bits ^ operand)],
  [6, combining((bits, operand) => bits & operand)],
  [7, { flagsArgument: 2, flagsAllowed: RANGE_FLAGS, check: checkRange, modify: not }],
  [8, { flagsArgument: 3, flagsAllowed: RANGE_FLAGS, check: checkShift, modify: shiftLeft }],
  [9, { flagsArgument: 3, flagsAllowed: RANGE_FLAGS, check: checkShift, modify: shiftRight }],
  [10, adding(1n)],
  [11, adding(-1n)],
  [12, { flagsArgument: 3, flagsAllowed: INTEGER_FLAGS, check: checkSetInteger, modify: setInteger }],
])
