import { EXPRESSION_TYPES } from './expression-types.ts'
import { refuseUnlessType } from './node.ts'
import { integerOf, wrapped } from './numeric.ts'
import type { Operator } from './parser.ts'

const { BOOLEAN, INTEGER } = EXPRESSION_TYPES
const BITS = 64
const NOT_FOUND = -1n

/** An operator on integers only. */
function ofIntegers(
  argumentsMin: number,
  argumentsMax: number,
  apply: (left: bigint, right: bigint) => bigint,
): Operator {
  return {
    argumentsMin,
    argumentsMax,
    build(parser, count) {
      const operands = parser.expressions(count)
      for (const operand of operands) refuseUnlessType(operand, INTEGER)
      return {
        type: INTEGER,
        evaluate(evaluation) {
          let result: bigint | undefined
          for (const operand of operands) {
            const value = integerOf(operand, evaluation)
            if (value === undefined) return undefined
            result = result === undefined ? value : apply(result, value)
          }
          return result
        },
      }
    },
  }
}

function combining(apply: (left: bigint, right: bigint) => bigint): Operator {
  return ofIntegers(1, Number.POSITIVE_INFINITY, apply)
}

/** Shifts by the amount modulo 64, as x86 does (protocol 9.2). */
function shifting(shift: (integer: bigint, amount: bigint) => bigint): Operator {
  return ofIntegers(2, 2, (integer, amount) => wrapped(shift(integer, BigInt.asUintN(6, amount))))
}

function ofOneInteger(apply: (integer: bigint) => bigint): Operator {
  return {
    argumentsMin: 1,
    argumentsMax: 1,
    build(parser) {
      const operand = refuseUnlessType(parser.expression(), INTEGER)
      return {
        type: INTEGER,
        evaluate(evaluation) {
          const value = integerOf(operand, evaluation)
          return value === undefined ? undefined : apply(value)
        },
      }
    },
  }
}

/** The bits of an integer, the most significant first. */
function bitsOf(integer: bigint): string {
  return BigInt.asUintN(BITS, integer).toString(2).padStart(BITS, '0')
}

function countOfOnes(integer: bigint): bigint {
  return BigInt(bitsOf(integer).replaceAll('0', '').length)
}

/** The position, from the most significant bit, of a bit that has the value asked for. */
function scanning(find: (bits: string, wanted: string) => number): Operator {
  return {
    argumentsMin: 2,
    argumentsMax: 2,
    build(parser) {
      const integer = refuseUnlessType(parser.expression(), INTEGER)
      const wanted = refuseUnlessType(parser.expression(), BOOLEAN)
      return {
        type: INTEGER,
        evaluate(evaluation) {
          const value = integerOf(integer, evaluation)
          const bit = wanted.evaluate(evaluation)
          if (value === undefined || bit === undefined) return undefined
          const position = find(bitsOf(value), bit === true ? '1' : '0')
          return position < 0 ? NOT_FOUND : BigInt(position)
        },
      }
    },
  }
}

/** By code (protocol 9.2). */
export const INTEGER_BITS: readonly (readonly [number, Operator])[] = [
  [32, combining((left, right) => left & right)],
  [33, combining((left, right) => left | right)],
  [34, combining((left, right) => left ^ right)],
  [35, ofOneInteger(integer => ~integer)],
  [36, shifting((integer, amount) => integer << amount)],
  [37, shifting((integer, amount) => BigInt.asUintN(BITS, integer) >> amount)],
  [38, shifting((integer, amount) => integer >> amount)],
  [39, ofOneInteger(countOfOnes)],
  [40, scanning((bits, wanted) => bits.indexOf(wanted))],
  [41, scanning((bits, wanted) => bits.lastIndexOf(wanted))],
]
