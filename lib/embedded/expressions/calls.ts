import { RESULT_CODES } from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import { callBits, callCollection, type ModuleCall } from './call-modules.ts'
import { takePayload } from './call-payload.ts'
import { EXPRESSION_TYPES } from './expression-types.ts'
import { badExpression, type ExpressionNode } from './node.ts'
import type { ExpressionParser, Operator } from './parser.ts'

const { BLOB, LIST, MAP, NIL } = EXPRESSION_TYPES

/** The operations that a call may run, and what on (protocol 9.3). */
const MODULES: ReadonlyMap<
  number,
  { readonly subjectTypes: ReadonlySet<number>; readonly call: ModuleCall }
> = new Map([
  [0, { subjectTypes: new Set<number>([LIST, MAP, NIL]), call: callCollection }],
  [1, { subjectTypes: new Set<number>([BLOB, NIL]), call: callBits }],
])
const HLL_MODULE = 2
/** What a byte of a list, map or blob costs, in steps of a pattern: measured. */
const STEPS_PER_BYTE = 20
/** Added to a module: the result is what the operation makes of the subject, and not what it answers. */
const MODIFY_FLAG = 0x40

/** The module of a call, its MODIFY_FLAG taken off. @throws CommandError */
function moduleOf(code: number) {
  if (code === HLL_MODULE) {
    throw new CommandError(RESULT_CODES.UNSUPPORTED_FEATURE, 'HyperLogLog expressions are not supported')
  }
  const found = MODULES.get(code)
  if (found === undefined) throw badExpression(`call into module ${code}`)
  return found
}

function buildCall(parser: ExpressionParser): ExpressionNode {
  const type = parser.type()
  const code = Number(parser.integer())
  const isModify = (code & MODIFY_FLAG) !== 0
  const { subjectTypes, call } = moduleOf(isModify ? code - MODIFY_FLAG : code)
  const payload = takePayload(parser)
  const subject = parser.expression()
  if (!subjectTypes.has(subject.type)) throw badExpression(`call on type ${subject.type}`)
  return {
    type,
    evaluate(evaluation) {
      const value = subject.evaluate(evaluation)
      const request = value === undefined ? undefined : payload(evaluation)
      if (value === undefined || request === undefined) return undefined
      const target = Buffer.isBuffer(value) ? value : undefined
      evaluation.spend(STEPS_PER_BYTE * (request.length + (target?.length ?? 0)))
      return unknownWhenRefused(() => call(request, { isModify, target, subjectType: subject.type }, type))
    },
  }
}

/** An operation that fails leaves its call unknown, whatever the reason. */
function unknownWhenRefused<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (error instanceof CommandError) return undefined
    throw error
  }
}

/** By code (protocol 9.2). */
export const CALLS: readonly (readonly [number, Operator])[] = [
  [127, { argumentsMin: 4, argumentsMax: 4, build: buildCall }],
]
