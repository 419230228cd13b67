import type { Evaluation } from './evaluation.ts'
import { EXPRESSION_TYPES } from './expression-types.ts'
import { type ExpressionNode, refuseUnlessType } from './node.ts'
import type { Operand } from './operand.ts'
import type { Operator } from './parser.ts'

const { BOOLEAN } = EXPRESSION_TYPES

/** An operator on booleans, of which one argument may be unknown without the result being so. */
function logical(
  argumentsMin: number,
  argumentsMax: number,
  evaluate: (operands: readonly ExpressionNode[], evaluation: Evaluation) => Operand | undefined,
): Operator {
  return {
    argumentsMin,
    argumentsMax,
    build(parser, count) {
      const operands = parser.expressions(count)
      for (const operand of operands) refuseUnlessType(operand, BOOLEAN)
      return { type: BOOLEAN, evaluate: evaluation => evaluate(operands, evaluation) }
    },
  }
}

/** The first operand that decides does; without one an unknown operand leaves it open (protocol 9.4). */
function decidedBy(deciding: boolean): Operator {
  return logical(2, Number.POSITIVE_INFINITY, (operands, evaluation) => {
    let result: Operand | undefined = !deciding
    for (const operand of operands) {
      const value = operand.evaluate(evaluation)
      if (value === deciding) return deciding
      if (value === undefined) result = undefined
    }
    return result
  })
}

const not = logical(1, 1, ([operand], evaluation) => {
  const value = operand?.evaluate(evaluation)
  return typeof value === 'boolean' ? !value : undefined
})

/** Exactly one: a second decides, an unknown one before that leaves it open. */
const exclusive = logical(2, Number.POSITIVE_INFINITY, (operands, evaluation) => {
  let isFound = false
  for (const operand of operands) {
    const value = operand.evaluate(evaluation)
    if (value === undefined || (value === true && isFound)) return value === undefined ? undefined : false
    isFound ||= value === true
  }
  return isFound
})

const unknown: Operator = {
  argumentsMin: 0,
  argumentsMax: 0,
  build: () => ({ type: BOOLEAN, isUnknown: true, evaluate: () => undefined }),
}

/** By code (protocol 9.2). */
export const LOGIC: readonly (readonly [number, Operator])[] = [
  [0, unknown],
  [16, decidedBy(false)],
  [17, decidedBy(true)],
  [18, not],
  [19, exclusive],
]
