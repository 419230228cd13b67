import { RESULT_CODES } from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import type { Evaluation } from './evaluation.ts'
import type { Operand } from './operand.ts'

/** A part of an expression that was parsed and checked. */
export interface ExpressionNode {
  /** One of EXPRESSION_TYPES: every value that comes of it has this type. */
  readonly type: number
  /** @returns `undefined` for the unknown @throws CommandError for what the server gives up on */
  readonly evaluate: (evaluation: Evaluation) => Operand | undefined
  /** The operator `unknown` itself, which takes the place of any type in a condition. */
  readonly isUnknown?: true
}

/** How an expression is refused that is malformed or does not fit together. */
export function badExpression(reason: string): CommandError {
  return new CommandError(RESULT_CODES.PARAMETER, `expression: ${reason}`)
}

export function constant(type: number, operand: Operand): ExpressionNode {
  return { type, evaluate: () => operand }
}

/** @throws CommandError PARAMETER */
export function refuseUnlessType(node: ExpressionNode, type: number): ExpressionNode {
  if (node.type !== type) throw badExpression(`type ${node.type} where ${type} is expected`)
  return node
}
