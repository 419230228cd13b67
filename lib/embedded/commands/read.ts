import { INFO1, INFO2, OPERATION_CODES, type Operation, RESULT_CODES } from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import { OperationAnswers, operationHandler } from '../operations/index.ts'
import { BinList } from '../storage/bin-list.ts'
import { voidTimeAfterRead } from '../storage/expiry.ts'
import type { StoredRecord } from '../storage/stored-record.ts'
import { refuseBinName } from './bin-name.ts'
import { passesFilter } from './filter.ts'
import { readSetFits, requestedSet, userKeyFits } from './preconditions.ts'
import { type RecordReply, replyWithCode, replyWithOperations } from './record-reply.ts'
import type { RecordRequest } from './record-request.ts'

/** A command without the WRITE bit: bins, metadata, or the answers of read operations (protocol 5.2). */
export function readRecord(request: RecordRequest): RecordReply {
  const { namespace } = request
  const record = namespace.find(request.digest)
  if (record === undefined) return replyWithCode(RESULT_CODES.NOT_FOUND)
  try {
    if (!readSetFits(requestedSet(request), record)) return replyWithCode(RESULT_CODES.PARAMETER, record)
    if (!passesFilter(request, record)) return replyWithCode(RESULT_CODES.FILTERED_OUT, record)
    if (!userKeyFits(request, record)) return replyWithCode(RESULT_CODES.KEY_MISMATCH, record)
    const voidTimeSeconds = voidTimeAfterRead(request.recordTtl, record, namespace.nowSeconds)
    const reply = readBins(request, record)
    if (voidTimeSeconds !== undefined) namespace.touch(request.digest, record, voidTimeSeconds)
    return reply
  } catch (error) {
    if (error instanceof CommandError) return replyWithCode(error.resultCode, record)
    throw error
  }
}

/** The bins, or answers of operations, that a read asks for. @throws CommandError when an operation fails */
export function readBins(request: RecordRequest, record: StoredRecord): RecordReply {
  if ((request.info1 & INFO1.GET_NO_BINS) !== 0) return replyWithCode(RESULT_CODES.OK, record)
  if ((request.info1 & INFO1.GET_ALL) !== 0) return replyWithOperations(record, record.binCount, record.bins)
  if (request.operations.list.length === 0) throw new CommandError(RESULT_CODES.PARAMETER, 'read of nothing')
  const code = request.inBatch ? OPERATION_CODES.READ : undefined
  const answers = new OperationAnswers((request.info2 & INFO2.RESPOND_ALL_OPS) !== 0, code)
  const { namespace, digest } = request
  const bins = BinList.decode(record.bins, record.binCount)
  const scope = { namespace, digest, record, times: record, bins, answers, inWrite: false }
  for (const operation of request.operations.list) readHandler(operation).apply(operation, scope)
  return replyWithOperations(record, answers.count, answers.bytes())
}

function readHandler(operation: Operation) {
  refuseBinName(operation.name)
  const handler = operationHandler(operation.code)
  if (handler?.access !== 'read') {
    throw new CommandError(RESULT_CODES.PARAMETER, `operation ${operation.code} in a read`)
  }
  return handler
}
