import { INFO1, INFO2, INFO3, OPERATION_CODES, type Operation, PARTICLE_TYPES } from '../../protocol/index.ts'
import { badRequest } from '../command-error.ts'
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

/**
 * Checks the operations of a write before its record is looked up (protocol 5.4).
 *
 * @throws CommandError PARAMETER or BIN_NAME
 */
export function planWrite(request: RecordRequest): WritePlan {
  const { info1, info2, info3 } = request
  const operations = request.operations.list
  if (operations.length === 0 || operations.length > OPERATIONS_MAX) throw badRequest('number of operations')
  const mayRead = has(info1, INFO1.READ)
  const getsAll = has(info1, INFO1.GET_ALL)
  const isReplace = has(info3, INFO3.REPLACE_ONLY | INFO3.CREATE_OR_REPLACE)
  const planned: PlannedOperation[] = []
  let readAllCount = 0
  let answersBin = false
  let needsRecord = has(info3, INFO3.UPDATE_ONLY | INFO3.REPLACE_ONLY)
  for (const operation of operations) {
    refuseBinName(operation.name)
    if (mayRead && getsAll && isReadAll(operation)) {
      readAllCount++
      planned.push({ operation, handler: undefined })
      continue
    }
    const handler = operationHandler(operation.code)
    if (handler === undefined) throw badRequest(`operation ${operation.code}`)
    if (handler.access === 'read' && !mayRead) throw badRequest('read in a command that does not read')
    if (isReplace && (!handler.inReplace || isBinDelete(operation)))
      throw badRequest('change of a replaced record')
    answersBin ||= handler.answersBin
    needsRecord ||= handler.needsRecord === true
    planned.push({ operation, handler })
  }
  if (getsAll && readAllCount !== 1) throw badRequest('reads of all bins')
  if (readAllCount > 0 && (answersBin || has(info2, INFO2.RESPOND_ALL_OPS))) {
    throw badRequest('read of all bins with other answers')
  }
  return { operations: planned, replaces: isReplace, needsRecord }
}

function isReadAll(operation: Operation): boolean {
  return operation.code === OPERATION_CODES.READ && operation.name === ALL_BINS_NAME
}

/** A write of null removes its bin, which makes no sense in a record that is replaced. */
function isBinDelete(operation: Operation): boolean {
  return operation.code === OPERATION_CODES.WRITE && operation.particleType === PARTICLE_TYPES.NULL
}
