import { PARTICLE_TYPES, type Particle } from '../../../protocol/index.ts'
import type { Arguments } from '../collections/collection-request.ts'
import { bitAt, countBits, integerFromBits, readBits } from './bit-range.ts'
import { bitRange, booleanArgument, checkIntegerRange, checkRange, knownFlags } from './bit-request.ts'

/** A bit operation that only reads (protocol 8.8). */
export interface BitRead {
  /** Arguments that it knows: offset and size, which have to be there, and more. */
  readonly argumentsMax: number
  /** Checks what can be told without a blob. @throws CommandError PARAMETER */
  readonly check: (args: Arguments) => void
  readonly read: (blob: Buffer, args: Arguments) => Particle
}

const SIGNED_FLAG = 1
const NOT_FOUND = -1

function integer(answer: bigint | number): Particle {
  const value = Buffer.allocUnsafe(8)
  value.writeBigInt64BE(BigInt.asIntN(64, BigInt(answer)))
  return { type: PARTICLE_TYPES.INTEGER, value }
}

function get(blob: Buffer, args: Arguments): Particle {
  return { type: PARTICLE_TYPES.BLOB, value: readBits(blob, bitRange(blob, args, 0)) }
}

function count(blob: Buffer, args: Arguments): Particle {
  return integer(countBits(readBits(blob, bitRange(blob, args, 0))))
}

/** The offset, from the start of the range, of the first or last bit that has the value asked for. */
function scan(blob: Buffer, args: Arguments, isFromEnd: boolean): Particle {
  const range = bitRange(blob, args, 0)
  const wanted = booleanArgument(args, 2)
  const bits = readBits(blob, range)
  for (let step = 0; step < range.size; step++) {
    const offset = isFromEnd ? range.size - 1 - step : step
    if (bitAt(bits, offset) === wanted) return integer(offset)
  }
  return integer(NOT_FOUND)
}

function getInteger(blob: Buffer, args: Arguments): Particle {
  const range = bitRange(blob, args, 0)
  const value = integerFromBits(readBits(blob, range), range.size)
  const isSigned = (args.integerOr(2, 0) & SIGNED_FLAG) !== 0
  return integer(isSigned ? BigInt.asIntN(range.size, value) : value)
}

function checkScan(args: Arguments): void {
  checkRange(args)
  booleanArgument(args, 2)
}

function checkGetInteger(args: Arguments): void {
  checkIntegerRange(args)
  knownFlags(args, 2, SIGNED_FLAG)
}

/** By code. */
export const BIT_READS: ReadonlyMap<number, BitRead> = new Map<number, BitRead>([
  [50, { argumentsMax: 2, check: checkRange, read: get }],
  [51, { argumentsMax: 2, check: checkRange, read: count }],
  [52, { argumentsMax: 3, check: checkScan, read: (blob, args) => scan(blob, args, false) }],
  [53, { argumentsMax: 3, check: checkScan, read: (blob, args) => scan(blob, args, true) }],
  [54, { argumentsMax: 3, check: checkGetInteger, read: getInteger }],
])
