import { MSGPACK_KINDS, MsgpackReader } from '../../../protocol/index.ts'
import { badRequest, notApplicable } from '../../command-error.ts'
import type { Arguments } from '../collections/collection-request.ts'
import { type BitRange, bitsOf, bytesFor } from './bit-range.ts'

/** How an operation writes bits (protocol 8.8). */
export const BIT_WRITE_FLAGS = { CREATE_ONLY: 1, UPDATE_ONLY: 2, NO_FAIL: 4, PARTIAL: 8 } as const

const INTEGER_BITS_MAX = 64

/** A blob argument without the particle type it begins with. @throws CommandError PARAMETER */
export function blobArgument(args: Arguments, position: number): Buffer {
  const reader = new MsgpackReader(args.value(position))
  if (reader.next() !== MSGPACK_KINDS.BYTES) throw badRequest('argument that is no blob')
  return reader.payload().subarray(1)
}

/** An integer argument with all its bits. @throws CommandError PARAMETER */
export function integerArgument(args: Arguments, position: number): bigint {
  const reader = new MsgpackReader(args.value(position))
  if (reader.next() !== MSGPACK_KINDS.INTEGER) throw badRequest('argument that is no integer')
  return BigInt(reader.integer())
}

/** @throws CommandError PARAMETER */
export function booleanArgument(args: Arguments, position: number): boolean {
  const kind = new MsgpackReader(args.value(position)).next()
  if (kind === MSGPACK_KINDS.TRUE) return true
  if (kind === MSGPACK_KINDS.FALSE) return false
  throw badRequest('argument that is no boolean')
}

/** The offset from the start: a negative one counts from the end. @throws CommandError PARAMETER before it */
export function offsetWithin(offset: number, length: number): number {
  const from = offset < 0 ? offset + length : offset
  if (from < 0) throw badRequest(`offset ${offset}`)
  return from
}

/** Checks the offset and the size of a range, the first two arguments. @throws CommandError PARAMETER */
export function checkRange(args: Arguments): void {
  args.integer(0)
  const size = args.integer(1)
  if (size <= 0) throw badRequest(`range of ${size}`)
}

/** The same of a range that is worked on as an integer. @throws CommandError PARAMETER */
export function checkIntegerRange(args: Arguments): void {
  checkRange(args)
  if (args.integer(1) > INTEGER_BITS_MAX) throw badRequest(`integer of ${args.integer(1)} bits`)
}

/** Flags of which only some are known. @throws CommandError PARAMETER */
export function knownFlags(args: Arguments, position: number, known: number): number {
  const flags = args.integerOr(position, 0)
  if ((flags & ~known) !== 0) throw badRequest(`flags ${flags}`)
  return flags
}

/**
 * The bits that the first two arguments, offset and size, name: see checkRange.
 *
 * @param flags with PARTIAL a range that ends behind the blob is cut
 * @throws CommandError PARAMETER for an offset before the blob, OP_NOT_APPLICABLE for bits behind it
 */
export function bitRange(blob: Uint8Array, args: Arguments, flags: number): BitRange {
  const bits = bitsOf(blob)
  const size = args.integer(1)
  const offset = offsetWithin(args.integer(0), bits)
  if (offset + size <= bits) return { offset, size }
  if ((flags & BIT_WRITE_FLAGS.PARTIAL) !== 0 && offset < bits) return { offset, size: bits - offset }
  throw notApplicable(`bits ${offset} to ${offset + size} of ${bits}`)
}

/** The blob to combine a range with. @throws CommandError PARAMETER when it is shorter than the range asked for */
export function operandFor(args: Arguments, position: number): Buffer {
  const operand = blobArgument(args, position)
  if (operand.length < bytesFor(args.integer(1))) throw badRequest('value shorter than its range')
  return operand
}
