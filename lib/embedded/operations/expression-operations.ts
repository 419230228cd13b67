import {
  MSGPACK_KINDS,
  MsgpackReader,
  type Operation,
  PARTICLE_TYPES,
  ProtocolError,
  RESULT_CODES,
} from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import { compileExpression, type Expression, type OperandParticle } from '../expressions/index.ts'
import type { OperationHandler, OperationScope } from './operation-handler.ts'
import { storedParticle } from './stored-particle.ts'

/** How the result of an expression is taken (protocol 9.5). */
const FLAGS = {
  CREATE_ONLY: 1,
  UPDATE_ONLY: 2,
  ALLOW_DELETE: 4,
  POLICY_NO_FAIL: 8,
  EVAL_NO_FAIL: 16,
} as const

const WRITE_FLAGS =
  FLAGS.CREATE_ONLY | FLAGS.UPDATE_ONLY | FLAGS.ALLOW_DELETE | FLAGS.POLICY_NO_FAIL | FLAGS.EVAL_NO_FAIL
const READ_FLAGS = FLAGS.EVAL_NO_FAIL

const COLLECTION_TYPES: ReadonlySet<number> = new Set([PARTICLE_TYPES.LIST, PARTICLE_TYPES.MAP])

const NULL_PARTICLE: OperandParticle = { type: PARTICLE_TYPES.NULL, value: Buffer.alloc(0) }

interface ExpressionRequest {
  readonly expression: Expression
  readonly flags: number
}

/**
 * The expression and the flags of a payload. What stands for the flags and is no integer is none, and bytes
 * behind them are not looked at, as on a real server.
 *
 * @throws CommandError PARAMETER
 */
function requestOf({ value }: Operation, flagsAllowed: number): ExpressionRequest {
  try {
    const reader = new MsgpackReader(value)
    if (reader.next() !== MSGPACK_KINDS.LIST || reader.size < 1 || reader.size > 2) {
      throw new CommandError(RESULT_CODES.PARAMETER, 'no expression and flags')
    }
    const hasFlags = reader.size === 2
    const start = reader.offset
    reader.skip()
    const expression = compileExpression(value.subarray(start, reader.offset))
    const isInteger = hasFlags && reader.next() === MSGPACK_KINDS.INTEGER
    const flags = isInteger ? Number(BigInt.asIntN(32, BigInt(reader.integer()))) : 0
    if ((flags & ~flagsAllowed) !== 0) throw new CommandError(RESULT_CODES.PARAMETER, `flags ${flags}`)
    return { expression, flags }
  } catch (error) {
    if (error instanceof ProtocolError) throw new CommandError(RESULT_CODES.PARAMETER, error.message)
    throw error
  }
}

/** The value of an expression; `undefined` when it is unknown and may be. @throws CommandError OP_NOT_APPLICABLE */
function evaluated(
  { expression, flags }: ExpressionRequest,
  scope: OperationScope,
): OperandParticle | undefined {
  const particle = expression.particle(scope)
  if (particle === undefined && (flags & FLAGS.EVAL_NO_FAIL) === 0) {
    throw new CommandError(RESULT_CODES.OP_NOT_APPLICABLE, 'value of an expression unknown')
  }
  return particle
}

export const expressionRead: OperationHandler = {
  access: 'read',
  inReplace: true,
  answersBin: true,
  apply(operation, scope) {
    const { type, value } = evaluated(requestOf(operation, READ_FLAGS), scope) ?? NULL_PARTICLE
    if (type === PARTICLE_TYPES.NULL && !scope.inWrite) scope.answers.nothing(operation)
    else scope.answers.result(operation, type, value)
  },
}

export const expressionModify: OperationHandler = {
  access: 'write',
  inReplace: true,
  answersBin: false,
  apply(operation, scope) {
    const request = requestOf(operation, WRITE_FLAGS)
    if (mayWrite(operation.name, request.flags, scope)) {
      const particle = evaluated(request, scope)
      if (particle !== undefined) store(operation.name, particle, request.flags, scope)
    }
    scope.answers.nothing(operation)
  },
}

/** Whether the flags let a bin be written, as it is before. @throws CommandError BIN_EXISTS, BIN_NOT_FOUND */
function mayWrite(name: string, flags: number, { bins }: OperationScope): boolean {
  const isThere = bins.get(name) !== undefined
  const isRefused = (flags & (isThere ? FLAGS.CREATE_ONLY : FLAGS.UPDATE_ONLY)) !== 0
  if (isRefused && (flags & FLAGS.POLICY_NO_FAIL) === 0) {
    throw new CommandError(isThere ? RESULT_CODES.BIN_EXISTS : RESULT_CODES.BIN_NOT_FOUND)
  }
  return !isRefused
}

/**
 * Makes a bin what an expression came to. Nil removes it where that is allowed; where it is not, any other flag
 * makes it do nothing, as on a real server.
 *
 * @throws CommandError OP_NOT_APPLICABLE, or as storedParticle
 */
function store(
  name: string,
  { type, value }: OperandParticle,
  flags: number,
  { bins }: OperationScope,
): void {
  if (type !== PARTICLE_TYPES.NULL) {
    // A server keeps lists and maps as the expression made them, whatever their order and form.
    bins.set(name, type, COLLECTION_TYPES.has(type) ? value : storedParticle(type, value))
    return
  }
  if (bins.get(name) === undefined) return
  if (flags === 0) throw new CommandError(RESULT_CODES.OP_NOT_APPLICABLE, 'nil for a bin')
  if ((flags & FLAGS.ALLOW_DELETE) !== 0) bins.delete(name)
}
