import { EXPRESSION_TYPES } from './expression-types.ts'
import { badExpression, constant, type ExpressionNode, refuseUnlessType } from './node.ts'
import { floatOf, INTEGER_MIN, integerOf, wrapped } from './numeric.ts'
import type { Operand } from './operand.ts'
import type { Operator } from './parser.ts'

const { FLOAT, INTEGER } = EXPRESSION_TYPES

/** What an operator does with integers, and what with floats. */
interface NumberOperation {
  readonly integers: (left: bigint, right: bigint) => bigint
  readonly floats: (left: number, right: number) => number
}

/** The numbers that operands evaluate to, all of one type, taken together from the left. */
function folded(
  operands: readonly ExpressionNode[],
  type: number,
  operation: NumberOperation,
): ExpressionNode {
  const [first, ...others] = operands
  if (first === undefined) throw badExpression('no numbers')
  if (type === INTEGER) {
    return {
      type,
      evaluate(evaluation) {
        let result = integerOf(first, evaluation)
        for (const other of others) {
          const operand = integerOf(other, evaluation)
          if (result === undefined || operand === undefined) return undefined
          result = operation.integers(result, operand)
        }
        return result
      },
    }
  }
  return {
    type,
    evaluate(evaluation) {
      let result = floatOf(first, evaluation)
      for (const other of others) {
        const operand = floatOf(other, evaluation)
        if (result === undefined || operand === undefined) return undefined
        result = operation.floats(result, operand)
      }
      return result
    },
  }
}

/** The one type that all operands have. @throws CommandError PARAMETER */
function commonNumberType([first, ...others]: readonly ExpressionNode[]): number {
  const type = first?.type ?? INTEGER
  if (type !== INTEGER && type !== FLOAT) throw badExpression(`type ${type} is no number`)
  for (const other of others) refuseUnlessType(other, type)
  return type
}

function variadic(operation: NumberOperation): Operator {
  return {
    argumentsMin: 1,
    argumentsMax: Number.POSITIVE_INFINITY,
    build(parser, count) {
      const operands = parser.expressions(count)
      return folded(operands, commonNumberType(operands), operation)
    },
  }
}

/** Integers by zero are unknown, and so is the one quotient beyond 64 bits: a real server crashes of it. */
function isUndividable(left: bigint, right: bigint): boolean {
  return right === 0n || (right === -1n && left === INTEGER_MIN)
}

const add: NumberOperation = {
  integers: (left, right) => wrapped(left + right),
  floats: (left, right) => left + right,
}
const subtract: NumberOperation = {
  integers: (left, right) => wrapped(left - right),
  floats: (left, right) => left - right,
}
const multiply: NumberOperation = {
  integers: (left, right) => wrapped(left * right),
  floats: (left, right) => left * right,
}
/** NaN is neither below nor above: it stays only where it comes first. */
const lesser: NumberOperation = {
  integers: (left, right) => (right < left ? right : left),
  floats: (left, right) => (right < left ? right : left),
}
const greater: NumberOperation = {
  integers: (left, right) => (right > left ? right : left),
  floats: (left, right) => (right > left ? right : left),
}

/** An operator on a fixed number of operands of one type. */
function fixed(
  operandType: number,
  type: number,
  count: 1 | 2,
  apply: (left: Operand, right: Operand) => Operand | undefined,
): Operator {
  return {
    argumentsMin: count,
    argumentsMax: count,
    build(parser) {
      const left = refuseUnlessType(parser.expression(), operandType)
      const right = count === 1 ? left : refuseUnlessType(parser.expression(), operandType)
      return {
        type,
        evaluate(evaluation) {
          const leftValue = left.evaluate(evaluation)
          const rightValue = count === 1 ? leftValue : right.evaluate(evaluation)
          if (leftValue === undefined || rightValue === undefined) return undefined
          return apply(leftValue, rightValue)
        },
      }
    },
  }
}

function ofFloats(count: 1 | 2, apply: (left: number, right: number) => number): Operator {
  return fixed(FLOAT, FLOAT, count, (left, right) =>
    typeof left === 'number' && typeof right === 'number' ? apply(left, right) : undefined,
  )
}

/** As C has it: JavaScript gives NaN for 1 to the power of NaN, and for ±1 to that of an infinity. */
function power(base: number, exponent: number): number {
  const isOne = base === 1 || (base === -1 && Math.abs(exponent) === Number.POSITIVE_INFINITY)
  return isOne ? 1 : base ** exponent
}

/** The integer part; the smallest integer for what has none within 64 bits, as x86 converts. */
function truncated(float: number): bigint {
  return Math.abs(float) < 2 ** 63 ? BigInt(Math.trunc(float)) : INTEGER_MIN
}

const modulo = fixed(INTEGER, INTEGER, 2, (left, right) => {
  if (typeof left !== 'bigint' || typeof right !== 'bigint' || isUndividable(left, right)) return undefined
  return left % right
})

const toInteger = fixed(FLOAT, INTEGER, 1, float =>
  typeof float === 'number' ? truncated(float) : undefined,
)
const toFloat = fixed(INTEGER, FLOAT, 1, integer => Number(integer))

const absolute: Operator = {
  argumentsMin: 1,
  argumentsMax: 1,
  build(parser) {
    const operand = parser.expression()
    const type = commonNumberType([operand])
    return {
      type,
      evaluate(evaluation) {
        const value = operand.evaluate(evaluation)
        if (typeof value === 'bigint') return value < 0n ? wrapped(-value) : value
        return typeof value === 'number' ? Math.abs(value) : undefined
      },
    }
  },
}

/** What is left of the first operand; a lone one is taken from zero. */
const difference: Operator = {
  argumentsMin: 1,
  argumentsMax: Number.POSITIVE_INFINITY,
  build(parser, count) {
    const operands = parser.expressions(count)
    const type = commonNumberType(operands)
    const zero = constant(type, type === INTEGER ? 0n : 0)
    return folded(count > 1 ? operands : [zero, ...operands], type, subtract)
  },
}

/** The first operand by the product of the others, or one by a lone operand. */
const divide: Operator = {
  argumentsMin: 1,
  argumentsMax: Number.POSITIVE_INFINITY,
  build(parser, count) {
    const operands = parser.expressions(count)
    const type = commonNumberType(operands)
    const one = constant(type, type === INTEGER ? 1n : 1)
    const dividend = count > 1 ? operands[0] : one
    const divisor = folded(count > 1 ? operands.slice(1) : operands, type, multiply)
    return {
      type,
      evaluate(evaluation) {
        const left = dividend?.evaluate(evaluation)
        const right = divisor.evaluate(evaluation)
        if (typeof left === 'number' && typeof right === 'number') return left / right
        if (typeof left !== 'bigint' || typeof right !== 'bigint') return undefined
        return isUndividable(left, right) ? undefined : left / right
      },
    }
  },
}

/** By code (protocol 9.2). */
export const ARITHMETIC: readonly (readonly [number, Operator])[] = [
  [20, variadic(add)],
  [21, difference],
  [22, variadic(multiply)],
  [23, divide],
  [24, ofFloats(2, power)],
  [25, ofFloats(2, (value, base) => Math.log(value) / Math.log(base))],
  [26, modulo],
  [27, absolute],
  [28, ofFloats(1, Math.floor)],
  [29, ofFloats(1, Math.ceil)],
  [30, toInteger],
  [31, toFloat],
  [50, variadic(lesser)],
  [51, variadic(greater)],
]
