import { compareOrderedElements } from '../../protocol/index.ts'
import { EXPRESSION_TYPES } from './expression-types.ts'
import { badExpression, type ExpressionNode, refuseUnlessType } from './node.ts'
import type { Operand } from './operand.ts'
import type { ExpressionParser, Operator } from './parser.ts'

/** What decides, given the order of two values: NaN when they have none, as floats may. */
type Decide = (order: number) => boolean

/** The order of two values of one type, NaN for none, `undefined` when it is unknown. */
type Order = (left: Operand, right: Operand) => number | undefined

const orderOfNumbers: Order = (left, right) => {
  if (left === null || right === null) return 0
  return left < right ? -1 : left > right ? 1 : left === right ? 0 : Number.NaN
}

const orderOfBytes: Order = (left, right) =>
  Buffer.isBuffer(left) && Buffer.isBuffer(right) ? Buffer.compare(left, right) : undefined

/** Unknown as soon as a map without an order of keys decides (protocol 9.4). */
const orderOfElements: Order = (left, right) =>
  Buffer.isBuffer(left) && Buffer.isBuffer(right) ? compareOrderedElements(left, 0, right, 0) : undefined

/** By type; GeoJSON and HyperLogLogs have none. */
const ORDERS: ReadonlyMap<number, Order> = new Map([
  [EXPRESSION_TYPES.NIL, orderOfNumbers],
  [EXPRESSION_TYPES.BOOLEAN, orderOfNumbers],
  [EXPRESSION_TYPES.INTEGER, orderOfNumbers],
  [EXPRESSION_TYPES.FLOAT, orderOfNumbers],
  [EXPRESSION_TYPES.STRING, orderOfBytes],
  [EXPRESSION_TYPES.BLOB, orderOfBytes],
  [EXPRESSION_TYPES.LIST, orderOfElements],
  [EXPRESSION_TYPES.MAP, orderOfElements],
])

function comparison(decide: Decide): Operator {
  return { argumentsMin: 2, argumentsMax: 2, build: parser => buildComparison(parser, decide) }
}

function buildComparison(parser: ExpressionParser, decide: Decide): ExpressionNode {
  const left = parser.expression()
  const right = refuseUnlessType(parser.expression(), left.type)
  const orderOf = ORDERS.get(left.type)
  if (orderOf === undefined) throw badExpression(`comparison of type ${left.type}`)
  return {
    type: EXPRESSION_TYPES.BOOLEAN,
    evaluate(evaluation) {
      const leftValue = left.evaluate(evaluation)
      if (leftValue === undefined) return undefined
      const rightValue = right.evaluate(evaluation)
      if (rightValue === undefined) return undefined
      if (Buffer.isBuffer(leftValue)) evaluation.spend(leftValue.length)
      const order = orderOf(leftValue, rightValue)
      return order === undefined ? undefined : decide(order)
    },
  }
}

/** By code (protocol 9.2). */
export const COMPARISONS: readonly (readonly [number, Operator])[] = [
  [1, comparison(order => order === 0)],
  [2, comparison(order => order !== 0)],
  [3, comparison(order => order > 0)],
  [4, comparison(order => order >= 0)],
  [5, comparison(order => order < 0)],
  [6, comparison(order => order <= 0)],
]
