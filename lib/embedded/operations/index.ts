import { OPERATION_CODES } from '../../protocol/index.ts'
import { bitsModify, bitsRead } from './bits/handlers.ts'
import { collectionModify, collectionRead } from './collections/handlers.ts'
import { expressionModify, expressionRead } from './expression-operations.ts'
import type { OperationHandler } from './operation-handler.ts'
import { hllModify, hllRead } from './refused.ts'
import { append, deleteAll, increment, prepend, read, touch, write } from './scalar.ts'

/** Every operation code of the protocol; any other is a bad request. */
const HANDLERS: ReadonlyMap<number, OperationHandler> = new Map<number, OperationHandler>([
  [OPERATION_CODES.READ, read],
  [OPERATION_CODES.WRITE, write],
  [OPERATION_CODES.CDT_READ, collectionRead],
  [OPERATION_CODES.CDT_MODIFY, collectionModify],
  [OPERATION_CODES.INCREMENT, increment],
  [OPERATION_CODES.EXPRESSION_READ, expressionRead],
  [OPERATION_CODES.EXPRESSION_MODIFY, expressionModify],
  [OPERATION_CODES.APPEND, append],
  [OPERATION_CODES.PREPEND, prepend],
  [OPERATION_CODES.TOUCH, touch],
  [OPERATION_CODES.BITS_READ, bitsRead],
  [OPERATION_CODES.BITS_MODIFY, bitsModify],
  [OPERATION_CODES.DELETE_ALL, deleteAll],
  [OPERATION_CODES.HLL_READ, hllRead],
  [OPERATION_CODES.HLL_MODIFY, hllModify],
])

export function operationHandler(code: number): OperationHandler | undefined {
  return HANDLERS.get(code)
}

export { OperationAnswers } from './operation-answers.ts'
export type { OperationHandler, OperationScope } from './operation-handler.ts'
export { ALL_BINS_NAME } from './scalar.ts'
