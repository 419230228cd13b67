import { INFO1, INFO2, INFO3, OPERATION_CODES, type Operation, RESULT_CODES } from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import { ALL_BINS_NAME, type OperationHandler, operationHandler } from '../operations/index.ts'
import { refuseBinName } from './bin-name.ts'
import type { RecordRequest } from './record-request.ts'

const OPERATIONS_MAX = 32_768

/** An operation with what runs it; `undefined` stands for a read of all bins. */
export interface PlannedOperation {
  readonly operation: Operation
  readonly handler: OperationHandler | undefined
}

export interface WritePlan {
  readonly operations: readonly PlannedOperation[]
  readonly replaces: boolean
  /** Whether the command cannot create a record. */
  readonly needsRecord: boolean
}

function has(flags: number, flag: number): boolean {
  return (flags & flag) !== 0
}

/** Whether the record is replaced instead of changed. */
export function replaces(info3: number): boolean {
  return has(info3, INFO3.REPLACE_ONLY | INFO3.CREATE_OR_REPLACE)
}

/**
 * Checks the operations of a write before its record is looked up (protocol 5.4).
 *
 * @throws CommandError PARAMETER or BIN_NAME
 */
export function planWrite(request: RecordRequest): WritePlan {
  const { info1, info2, info3, operations } = request
  if (operations.length === 0 || operations.length > OPERATIONS_MAX)
    throw new CommandError(RESULT_CODES.PARAMETER)
  const readsAll = has(info1, INFO1.READ) && has(info1, INFO1.GET_ALL)
  const planned = operations.map(operation => plan(operation, readsAll))
  const handlers = planned.flatMap(({ handler }) => (handler === undefined ? [] : [handler]))
  const readAllCount = planned.length - handlers.length
  const isBad =
    (!has(info1, INFO1.READ) && (readAllCount > 0 || handlers.some(({ access }) => access === 'read'))) ||
    (replaces(info3) && handlers.some(({ inReplace }) => !inReplace)) ||
    (replaces(info3) && operations.some(isBinDelete)) ||
    (has(info1, INFO1.GET_ALL) && readAllCount === 0) ||
    readAllCount > 1 ||
    (readAllCount > 0 && has(info2, INFO2.RESPOND_ALL_OPS)) ||
    (readAllCount > 0 && handlers.some(({ answersBin }) => answersBin))
  if (isBad) throw new CommandError(RESULT_CODES.PARAMETER)
  return {
    operations: planned,
    replaces: replaces(info3),
    needsRecord:
      has(info3, INFO3.UPDATE_ONLY | INFO3.REPLACE_ONLY) ||
      handlers.some(({ needsRecord }) => needsRecord === true),
  }
}

function plan(operation: Operation, readsAll: boolean): PlannedOperation {
  refuseBinName(operation.name)
  if (readsAll && operation.code === OPERATION_CODES.READ && operation.name === ALL_BINS_NAME) {
    return { operation, handler: undefined }
  }
  const handler = operationHandler(operation.code)
  if (handler === undefined) throw new CommandError(RESULT_CODES.PARAMETER, `operation ${operation.code}`)
  return { operation, handler }
}

/** A write of null removes its bin, which makes no sense in a record that is replaced. */
function isBinDelete(operation: Operation): boolean {
  return operation.code === OPERATION_CODES.WRITE && operation.particleType === 0
}
