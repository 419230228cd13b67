import { MSGPACK_KINDS, MsgpackReader, RESULT_CODES } from '../../../protocol/index.ts'
import { CommandError } from '../../command-error.ts'
import { doubleElement, type Element, integerElement } from './element.ts'

/** Integers are bigints, doubles are numbers. */
type NumberValue = bigint | number

/** @throws CommandError PARAMETER for an element that is no number */
function numberOf(element: Element): NumberValue {
  const reader = new MsgpackReader(element)
  switch (reader.next()) {
    case MSGPACK_KINDS.INTEGER:
      return BigInt.asIntN(64, BigInt(reader.integer()))
    case MSGPACK_KINDS.FLOAT32:
    case MSGPACK_KINDS.FLOAT64:
      return reader.float()
    default:
      throw new CommandError(RESULT_CODES.PARAMETER, 'increment of or by an element that is no number')
  }
}

/** A double's integer part within 64 bits; what cannot be told is zero. */
function truncated(value: number): bigint {
  return Number.isFinite(value) ? BigInt.asIntN(64, BigInt(Math.trunc(value))) : 0n
}

/**
 * The element that an increment leaves. The element keeps its type: an integer takes the integer part of a
 * double and wraps around at 64 bits (protocol 8.4).
 *
 * @param element `undefined` or nil for one that is not there yet: the step itself is the sum
 * @param sign -1 for a decrement
 * @throws CommandError PARAMETER for anything but numbers
 */
export function incremented(element: Element | undefined, step: Element, sign: 1 | -1): Element {
  const delta = numberOf(step)
  const value: NumberValue = element === undefined ? (typeof delta === 'bigint' ? 0n : 0) : numberOf(element)
  if (typeof value === 'number') return doubleElement(value + sign * Number(delta))
  const whole = typeof delta === 'bigint' ? delta : truncated(delta)
  return integerElement(BigInt.asIntN(64, value + BigInt(sign) * whole))
}
