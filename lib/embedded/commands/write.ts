import {
  ByteWriter,
  INFO1,
  INFO2,
  INFO3,
  OPERATION_HEADER_BYTES,
  RESULT_CODES,
} from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import type { RecordTimes } from '../expressions/subject.ts'
import { BIN_NAME_BYTES_MAX } from '../limits.ts'
import { OperationAnswers } from '../operations/index.ts'
import { BinList } from '../storage/bin-list.ts'
import { voidTimeAfterWrite } from '../storage/expiry.ts'
import type { Namespace } from '../storage/namespace.ts'
import type { StoredRecord } from '../storage/stored-record.ts'
import { passesFilter } from './filter.ts'
import { PlainBins } from './plain-bins.ts'
import { generationFits, requestedSet, userKeyFits, userKeyToStore, writeSetFits } from './preconditions.ts'
import { type RecordReply, replyWithCode, replyWithOperations } from './record-reply.ts'
import type { RecordRequest } from './record-request.ts'
import { planWrite, type WritePlan } from './write-checks.ts'

const NEEDS_RECORD = INFO3.UPDATE_ONLY | INFO3.REPLACE_ONLY
/** What an operation without a result answers. */
const ANSWER_BYTES_MAX = OPERATION_HEADER_BYTES + BIN_NAME_BYTES_MAX

/** Runs the operations of a write in order on a copy of the record, and keeps all or nothing (protocol 5.4). */
export function writeRecord(request: RecordRequest): RecordReply {
  const record = request.namespace.find(request.digest)
  const plainBins = record === undefined ? plainCreation(request) : undefined
  if (plainBins !== undefined) return create(request, plainBins)
  const plan = planWrite(request)
  try {
    const resultCode = failedCheck(request, plan, record)
    if (resultCode !== RESULT_CODES.OK) return replyWithCode(resultCode, record)
    return applyAndCommit(request, plan, record)
  } catch (error) {
    if (error instanceof CommandError) return replyWithCode(error.resultCode, record)
    throw error
  }
}

/** What a write of a record that is not there puts into it, if it does nothing else. */
function plainCreation(request: RecordRequest): PlainBins | undefined {
  const { info1, info3 } = request
  if ((info1 & (INFO1.READ | INFO1.GET_ALL)) !== 0 || (info3 & NEEDS_RECORD) !== 0) return undefined
  return generationFits(request, undefined) ? PlainBins.of(request) : undefined
}

/** As applyAndCommit does it, without decoding anything. */
function create(request: RecordRequest, bins: PlainBins): RecordReply {
  const { namespace, digest } = request
  const setName = requestedSet(request)
  const userKey = userKeyToStore(request, undefined)
  const voidTimeSeconds = writeVoidTime(namespace, request.recordTtl, setName, undefined)
  const record = namespace.write({ digest, existing: undefined, setName, bins, voidTimeSeconds, userKey })
  if ((request.info2 & INFO2.RESPOND_ALL_OPS) === 0) return replyWithCode(RESULT_CODES.OK, record)
  const writer = new ByteWriter(bins.count * ANSWER_BYTES_MAX)
  bins.writeEmptyAnswers(writer)
  return replyWithOperations(record, bins.count, writer.view())
}

/** The checks on the record, in the server's order (protocol 5.1). */
function failedCheck(request: RecordRequest, plan: WritePlan, record: StoredRecord | undefined): number {
  if (record === undefined) {
    if (plan.needsRecord) return RESULT_CODES.NOT_FOUND
    return generationFits(request, record) ? RESULT_CODES.OK : RESULT_CODES.GENERATION
  }
  if ((request.info2 & INFO2.CREATE_ONLY) !== 0) return RESULT_CODES.RECORD_EXISTS
  if (!generationFits(request, record)) return RESULT_CODES.GENERATION
  if (!writeSetFits(requestedSet(request), record)) return RESULT_CODES.PARAMETER
  if (!passesFilter(request, record)) return RESULT_CODES.FILTERED_OUT
  if (!userKeyFits(request, record)) return RESULT_CODES.KEY_MISMATCH
  return RESULT_CODES.OK
}

function applyAndCommit(
  request: RecordRequest,
  plan: WritePlan,
  existing: StoredRecord | undefined,
): RecordReply {
  const { namespace, digest } = request
  const userKey = userKeyToStore(request, existing)
  const voidTimeSeconds = writeVoidTime(namespace, request.recordTtl, requestedSet(request), existing)
  const times = { voidTimeSeconds, lastUpdateMs: namespace.nowMs }
  const bins =
    existing === undefined || plan.replaces
      ? BinList.empty()
      : BinList.decode(existing.bins, existing.binCount)
  const answers = applyOperations(request, plan, existing, times, bins)
  if (bins.count === 0) return removeEmptied(request, plan, existing, answers)
  const record = namespace.write({
    digest,
    existing,
    setName: requestedSet(request),
    bins,
    ...times,
    userKey,
  })
  return replyWithOperations(record, answers.count, answers.bytes())
}

/** The void time of a record after a write, by the defaults of its set and namespace. @throws CommandError */
export function writeVoidTime(
  namespace: Namespace,
  recordTtl: number,
  setName: string,
  existing: StoredRecord | undefined,
): number {
  const { config } = namespace
  return voidTimeAfterWrite(recordTtl, existing?.voidTimeSeconds, namespace.nowSeconds, {
    defaultTtlSeconds: namespace.findSet(setName)?.defaultTtlSeconds || config.defaultTtlSeconds,
    ttlAllowed: config.nsupPeriodSeconds > 0 || config.allowTtlWithoutNsup,
  })
}

function applyOperations(
  request: RecordRequest,
  plan: WritePlan,
  record: StoredRecord | undefined,
  times: RecordTimes,
  bins: BinList,
): OperationAnswers {
  const { namespace, digest } = request
  const answers = new OperationAnswers((request.info2 & INFO2.RESPOND_ALL_OPS) !== 0)
  const setName = requestedSet(request)
  const scope = { namespace, digest, record, times, setName, bins, answers, inWrite: true }
  for (const { operation, handler } of plan.operations) {
    if (handler === undefined) answers.bins(bins)
    else handler.apply(operation, scope)
  }
  return answers
}

/**
 * A write that leaves no bin deletes the record; without a record there is nothing to delete. A replacement of a
 * record by nothing, which expressions can come to, counts as the latter.
 */
function removeEmptied(
  request: RecordRequest,
  plan: WritePlan,
  existing: StoredRecord | undefined,
  answers: OperationAnswers,
): RecordReply {
  if (existing === undefined || plan.replaces) return replyWithCode(RESULT_CODES.NOT_FOUND, existing)
  if ((request.info2 & INFO2.DURABLE_DELETE) !== 0) throw new CommandError(RESULT_CODES.ENTERPRISE_ONLY)
  request.namespace.remove(request.digest)
  return replyWithOperations(undefined, answers.count, answers.bytes())
}
