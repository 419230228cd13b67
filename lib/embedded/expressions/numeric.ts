import type { Evaluation } from './evaluation.ts'
import type { ExpressionNode } from './node.ts'

/** The integer that a node evaluates to; `undefined` when it is unknown. */
export function integerOf(node: ExpressionNode, evaluation: Evaluation): bigint | undefined {
  const value = node.evaluate(evaluation)
  return typeof value === 'bigint' ? value : undefined
}

/** The float that a node evaluates to; `undefined` when it is unknown. */
export function floatOf(node: ExpressionNode, evaluation: Evaluation): number | undefined {
  const value = node.evaluate(evaluation)
  return typeof value === 'number' ? value : undefined
}

/** Wraps around at 64 bits. */
export function wrapped(integer: bigint): bigint {
  return BigInt.asIntN(64, integer)
}

export const INTEGER_MIN = -(2n ** 63n)
