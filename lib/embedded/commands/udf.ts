import {
  ByteWriter,
  FIELD_TYPES,
  type Field,
  findField,
  INFO2,
  INFO3,
  OPERATION_CODES,
  PARTICLE_TYPES,
  RESULT_CODES,
  writeOperation,
} from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import { TIMEOUT_MS_DEFAULT } from '../limits.ts'
import type { Particle, UdfRecord } from '../lua/index.ts'
import { NEVER_EXPIRES } from '../storage/expiry.ts'
import type { Namespace } from '../storage/namespace.ts'
import type { StoredRecord } from '../storage/stored-record.ts'
import type { UdfRuntime } from '../udf-registry.ts'
import { passesFilter } from './filter.ts'
import { requestedSet, sentUserKey, userKeyFits, userKeyToStore, writeSetFits } from './preconditions.ts'
import { type RecordReply, replyWithCode } from './record-reply.ts'
import type { RecordRequest } from './record-request.ts'
import { commitUdfChange } from './udf-commit.ts'

const NAME_BYTES_MAX = 127
/** Twice what a record holds. They become Lua values before any deadline counts, on memory that never shrinks. */
const ARGUMENTS_BYTES_MAX = 2 * 1024 * 1024
/** The bins that carry the value of a function, and what it failed with (protocol 7.2). */
export const SUCCESS_BIN = 'SUCCESS'
export const FAILURE_BIN = 'FAILURE'
const NO_BINS = Buffer.alloc(0)
const SEEN_KEY_TYPES: ReadonlySet<number> = new Set([
  PARTICLE_TYPES.INTEGER,
  PARTICLE_TYPES.STRING,
  PARTICLE_TYPES.BLOB,
])
/** Conditions that make no sense for a function, which sees the record itself (protocol 7.2). */
const REFUSED_INFO2 = INFO2.GENERATION | INFO2.GENERATION_GT | INFO2.CREATE_ONLY
const REFUSED_INFO3 = INFO3.UPDATE_ONLY | INFO3.REPLACE_ONLY | INFO3.CREATE_OR_REPLACE

/** A function to call, by the fields of a request. */
interface UdfCall {
  readonly moduleName: string
  readonly functionName: string
  /** A msgpack list. */
  readonly args: Buffer
}

/** Whether a write is the call of a function. */
export function isUdfCall(fields: readonly Field[]): boolean {
  return findField(fields, FIELD_TYPES.UDF_MODULE) !== undefined
}

/**
 * Calls a function on a record, whether it exists or not, and commits what it made of it (protocol 7.2).
 *
 * @throws CommandError PARAMETER, before the record is looked up
 */
export function applyUdf(runtime: UdfRuntime, request: RecordRequest): RecordReply {
  const call = udfCall(request)
  const record = request.namespace.find(request.digest)
  try {
    if (record !== undefined) {
      if (!writeSetFits(requestedSet(request), record)) return replyWithCode(RESULT_CODES.PARAMETER, record)
      if (!passesFilter(request, record)) return replyWithCode(RESULT_CODES.FILTERED_OUT, record)
      if (!userKeyFits(request, record)) return replyWithCode(RESULT_CODES.KEY_MISMATCH, record)
    }
    // A missing record shows its key only after aerospike:create, and what fails there fails in the commit.
    const userKey = record === undefined ? sentUserKey(request) : userKeyToStore(request, record)
    return callAndCommit(runtime, request, call, record, userKey)
  } catch (error) {
    if (error instanceof CommandError) return replyWithCode(error.resultCode, record)
    throw error
  }
}

function udfCall(request: RecordRequest): UdfCall {
  const { fields, info2, info3 } = request
  const moduleName = findField(fields, FIELD_TYPES.UDF_MODULE)
  const functionName = findField(fields, FIELD_TYPES.UDF_FUNCTION)
  const args = findField(fields, FIELD_TYPES.UDF_ARGUMENTS)
  if (moduleName === undefined || functionName === undefined || args === undefined) {
    throw new CommandError(RESULT_CODES.PARAMETER, 'call without module, function or arguments')
  }
  if (args.length > ARGUMENTS_BYTES_MAX) {
    throw new CommandError(RESULT_CODES.PARAMETER, `arguments of ${args.length} bytes`)
  }
  if (moduleName.length > NAME_BYTES_MAX || functionName.length > NAME_BYTES_MAX) {
    throw new CommandError(RESULT_CODES.PARAMETER, 'name of a module or function too long')
  }
  if ((info2 & REFUSED_INFO2) !== 0 || (info3 & REFUSED_INFO3) !== 0) {
    throw new CommandError(RESULT_CODES.PARAMETER, 'call with a condition on the record')
  }
  return { moduleName: moduleName.toString(), functionName: functionName.toString(), args }
}

function callAndCommit(
  runtime: UdfRuntime,
  request: RecordRequest,
  call: UdfCall,
  record: StoredRecord | undefined,
  userKey: Buffer | undefined,
): RecordReply {
  const seen = seenByFunction(request.namespace, request.digest, requestedSet(request), record, userKey)
  const outcome = runtime.apply(
    call.moduleName,
    call.functionName,
    seen,
    call.args,
    request.timeoutMs || TIMEOUT_MS_DEFAULT,
  )
  switch (outcome.kind) {
    case 'refused':
      return replyWithCode(outcome.resultCode, record)
    case 'failure': {
      const message = { type: PARTICLE_TYPES.STRING, value: Buffer.from(outcome.message, 'utf8') }
      return replyWithBin(replyWithCode(RESULT_CODES.UDF_EXECUTION, record), FAILURE_BIN, message)
    }
    case 'success':
      return replyWithBin(commitUdfChange(request, record, outcome.change), SUCCESS_BIN, outcome.value)
  }
}

/**
 * A record as a function sees it.
 *
 * @param setName one character per byte; empty for none
 * @param userKey the stored one, or one that came with the call
 */
export function seenByFunction(
  namespace: Namespace,
  digest: Buffer,
  setName: string,
  record: StoredRecord | undefined,
  userKey = record?.userKey,
): UdfRecord {
  return {
    exists: record !== undefined,
    digest,
    setName: setName === '' ? undefined : setName,
    userKey: userKey === undefined ? undefined : keyParticle(userKey),
    generation: record?.generation ?? 0,
    voidTimeSeconds: record?.voidTimeSeconds ?? NEVER_EXPIRES,
    ttlSeconds: secondsToLive(record, namespace.nowSeconds),
    lastUpdateMs: record?.lastUpdateMs ?? 0,
    sizeBytes: record?.sizeBytes ?? 0,
    bins: record?.bins ?? NO_BINS,
    binCount: record?.binCount ?? 0,
  }
}

/** Keys of other types are stored, but functions do not see them. */
function keyParticle(userKey: Buffer): Particle | undefined {
  const type = userKey.readUInt8(0)
  return SEEN_KEY_TYPES.has(type) ? { type, value: userKey.subarray(1) } : undefined
}

function secondsToLive(record: StoredRecord | undefined, nowSeconds: number): number {
  if (record === undefined || record.voidTimeSeconds === NEVER_EXPIRES) return 0
  return Math.max(0, record.voidTimeSeconds - nowSeconds)
}

function replyWithBin(reply: RecordReply, name: string, { type, value }: Particle): RecordReply {
  const writer = new ByteWriter()
  writeOperation(writer, OPERATION_CODES.READ, type, name, value)
  return { ...reply, operationCount: 1, operations: writer.view() }
}
