import { EXPRESSION_TYPES } from './expression-types.ts'
import { type ExpressionNode, refuseUnlessType } from './node.ts'
import type { ExpressionParser, Operator } from './parser.ts'
import { RegularExpression } from './regex/regular-expression.ts'

const NUL = 0

/** A pattern is compiled once; text is matched up to a NUL, where C strings end. */
function buildRegularExpression(parser: ExpressionParser): ExpressionNode {
  const flags = Number(BigInt.asIntN(32, parser.integer()))
  const pattern = parser.text()
  const text = refuseUnlessType(parser.expression(), EXPRESSION_TYPES.STRING)
  const compiled = new RegularExpression(untilNul(pattern), flags)
  parser.grow(compiled.instructions)
  return {
    type: EXPRESSION_TYPES.BOOLEAN,
    evaluate(evaluation) {
      const value = text.evaluate(evaluation)
      if (!Buffer.isBuffer(value)) return undefined
      const end = value.indexOf(NUL)
      const string = end < 0 ? value : value.subarray(0, end)
      return compiled.test(string, steps => evaluation.spend(steps))
    },
  }
}

function untilNul(pattern: string): string {
  const end = pattern.indexOf('\0')
  return end < 0 ? pattern : pattern.slice(0, end)
}

/** By code (protocol 9.2). */
export const REGULAR_EXPRESSIONS: readonly (readonly [number, Operator])[] = [
  [7, { argumentsMin: 3, argumentsMax: 3, build: buildRegularExpression }],
]
