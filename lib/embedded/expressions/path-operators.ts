import { EXPRESSION_TYPES } from './expression-types.ts'
import { badExpression } from './node.ts'
import type { Operator } from './parser.ts'

/** Key, value and index of what a path operation looks at. */
const BUILT_IN_VARIABLES = 3n
const INDEX_VARIABLE = 2n

/** What has a value only within a path operation, which this server does not run (protocol 8.7). */
const removal: Operator = {
  argumentsMin: 0,
  argumentsMax: 0,
  build: () => ({ type: EXPRESSION_TYPES.REMOVAL, evaluate: () => undefined }),
}

const builtInVariable: Operator = {
  argumentsMin: 2,
  argumentsMax: 2,
  build(parser) {
    const type = parser.type()
    const variable = parser.integer()
    if (variable < 0n || variable >= BUILT_IN_VARIABLES) throw badExpression(`variable ${variable}`)
    if (variable === INDEX_VARIABLE && type !== EXPRESSION_TYPES.INTEGER) {
      throw badExpression(`index of type ${type}`)
    }
    return { type, evaluate: () => undefined }
  },
}

/** By code (protocol 9.2). */
export const PATH_OPERATORS: readonly (readonly [number, Operator])[] = [
  [100, removal],
  [122, builtInVariable],
]
