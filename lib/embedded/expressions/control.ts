import { EXPRESSION_TYPES } from './expression-types.ts'
import { badExpression, constant, type ExpressionNode, refuseUnlessType } from './node.ts'
import type { ExpressionParser, Operator } from './parser.ts'

interface Case {
  readonly test: ExpressionNode
  readonly result: ExpressionNode
}

const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/** The type that all results have; one that is unknown as such fits any. */
function commonType(results: readonly ExpressionNode[]): number {
  const known = results.filter(({ isUnknown }) => isUnknown !== true)
  const type = (known[0] ?? results[0])?.type ?? EXPRESSION_TYPES.NIL
  for (const result of known) refuseUnlessType(result, type)
  return type
}

/** Tests in turn, each with its result, and a result for when none passes. */
function buildConditional(parser: ExpressionParser, count: number): ExpressionNode {
  if (count % 2 === 0) throw badExpression('condition without a default')
  const cases: Case[] = []
  for (let left = count - 1; left > 0; left -= 2) {
    const test = refuseUnlessType(parser.expression(), EXPRESSION_TYPES.BOOLEAN)
    cases.push({ test, result: parser.expression() })
  }
  const otherwise = parser.expression()
  return {
    type: commonType([...cases.map(({ result }) => result), otherwise]),
    evaluate(evaluation) {
      for (const { test, result } of cases) {
        const passes = test.evaluate(evaluation)
        if (passes === true) return result.evaluate(evaluation)
        if (passes === undefined) return undefined
      }
      return otherwise.evaluate(evaluation)
    },
  }
}

/** Names with their values, in a flat list, and the expression that uses them. */
function buildLet(parser: ExpressionParser, count: number): ExpressionNode {
  if (count % 2 === 0) throw badExpression('let without a body')
  const { variables } = parser
  const firstSlot = variables.size
  const names: string[] = []
  const values: ExpressionNode[] = []
  for (let left = count - 1; left > 0; left -= 2) {
    const name = parser.text()
    names.push(name)
    values.push(defined(parser, name))
  }
  const body = parser.expression()
  for (const name of names) variables.delete(name)
  return {
    ...body,
    evaluate(evaluation) {
      for (const [at, value] of values.entries()) {
        evaluation.variables[firstSlot + at] = value.evaluate(evaluation)
      }
      return body.evaluate(evaluation)
    },
  }
}

/** The value that a name gets; it may use the names before. */
function defined(parser: ExpressionParser, name: string): ExpressionNode {
  const { variables } = parser
  if (!VARIABLE_NAME.test(name)) throw badExpression('name of a variable')
  if (variables.has(name)) throw badExpression(`${name} defined twice`)
  const slot = variables.size
  variables.set(name, { slot, type: undefined })
  const value = parser.expression()
  variables.set(name, { slot, type: value.type })
  return value
}

function buildVariable(parser: ExpressionParser): ExpressionNode {
  const variable = parser.variables.get(parser.text())
  if (variable?.type === undefined) throw badExpression('variable that is not defined')
  const { slot, type } = variable
  return { type, evaluate: ({ variables }) => variables[slot] }
}

function buildQuote(parser: ExpressionParser): ExpressionNode {
  if (!parser.isBeforeList()) throw badExpression('quote of no list')
  return constant(EXPRESSION_TYPES.LIST, parser.element())
}

/** By code (protocol 9.2). */
export const CONTROL: readonly (readonly [number, Operator])[] = [
  [123, { argumentsMin: 3, argumentsMax: Number.POSITIVE_INFINITY, build: buildConditional }],
  [124, { argumentsMin: 1, argumentsMax: 1, build: buildVariable }],
  [125, { argumentsMin: 3, argumentsMax: Number.POSITIVE_INFINITY, build: buildLet }],
  [126, { argumentsMin: 1, argumentsMax: 1, build: buildQuote }],
]
