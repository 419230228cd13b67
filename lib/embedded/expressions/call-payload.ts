import {
  ByteWriter,
  MSGPACK_KINDS,
  MsgpackReader,
  RESULT_CODES,
  writeListHeader,
} from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import { CONTEXT_CODE, SELECT_CODE } from '../operations/collections/collection-request.ts'
import type { Evaluation } from './evaluation.ts'
import { badExpression, type ExpressionNode } from './node.ts'
import { elementOfOperand } from './operand.ts'
import type { ExpressionParser } from './parser.ts'

/** The payload of an operation (protocol 8.2), `undefined` while an argument of it is unknown. */
export type Payload = (evaluation: Evaluation) => Buffer | undefined

/** Bytes of a payload that stay, or an argument that has to be evaluated. */
type Part = Buffer | ExpressionNode

/**
 * Takes the operation that a call runs. Arguments that are lists are expressions; contexts are not.
 *
 * @throws CommandError PARAMETER, UNSUPPORTED_FEATURE
 */
export function takePayload(parser: ExpressionParser): Payload {
  const parts = payloadParts(parser)
  if (parts.every(part => Buffer.isBuffer(part))) {
    const payload = Buffer.concat(parts)
    return () => payload
  }
  return evaluation => assembled(parts, evaluation)
}

function assembled(parts: readonly Part[], evaluation: Evaluation): Buffer | undefined {
  const bytes: Buffer[] = []
  for (const part of parts) {
    if (Buffer.isBuffer(part)) {
      bytes.push(part)
      continue
    }
    const operand = part.evaluate(evaluation)
    if (operand === undefined) return undefined
    bytes.push(elementOfOperand(operand, part.type))
  }
  return Buffer.concat(bytes)
}

function payloadParts(parser: ExpressionParser): Part[] {
  const { count, code, codeNumber } = enterOperation(parser)
  if (codeNumber === SELECT_CODE) {
    throw new CommandError(RESULT_CODES.UNSUPPORTED_FEATURE, 'path expressions are not supported')
  }
  if (codeNumber !== CONTEXT_CODE) return operationParts(parser, count, code)
  if (count !== 3) throw badExpression('a context, but not one operation')
  const context = parser.element()
  const inner = enterOperation(parser)
  return [listHeader(count), code, context, ...operationParts(parser, inner.count, inner.code)]
}

function operationParts(parser: ExpressionParser, count: number, code: Buffer): Part[] {
  const parts: Part[] = [listHeader(count), code]
  for (let left = count - 1; left > 0; left--) {
    parts.push(parser.isBeforeList() ? parser.expression() : parser.element())
  }
  return parts
}

function enterOperation(parser: ExpressionParser) {
  const count = parser.enterList()
  if (count === undefined || count === 0) throw badExpression('call of no operation')
  const code = parser.element()
  const reader = new MsgpackReader(code)
  if (reader.next() !== MSGPACK_KINDS.INTEGER) throw badExpression('operation without a code')
  return { count, code, codeNumber: Number(reader.integer()) }
}

function listHeader(count: number): Buffer {
  const writer = new ByteWriter()
  writeListHeader(writer, count)
  return writer.view()
}
