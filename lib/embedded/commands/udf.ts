import {
  ByteWriter,
  binNameFromText,
  binNameToText,
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
import type { Particle, UdfChange, UdfRecord } from '../lua/index.ts'
import { storedParticle } from '../operations/stored-particle.ts'
import { type Bin, BinList } from '../storage/bin-list.ts'
import { NEVER_EXPIRES, RECORD_TTL } from '../storage/expiry.ts'
import { nextGeneration, type StoredRecord } from '../storage/stored-record.ts'
import type { UdfRuntime } from '../udf-registry.ts'
import { passesFilter } from './filter.ts'
import { requestedSet, userKeyFits, userKeyToStore, writeSetFits } from './preconditions.ts'
import { type RecordReply, replyWithCode } from './record-reply.ts'
import type { RecordRequest } from './record-request.ts'
import { writeVoidTime } from './write.ts'

const NAME_BYTES_MAX = 127
const TIMEOUT_MS_DEFAULT = 1_000
const SUCCESS_BIN = 'SUCCESS'
const FAILURE_BIN = 'FAILURE'
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
    return callAndCommit(runtime, request, call, record)
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
): RecordReply {
  const seen = udfRecord(request, record)
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
      return replyWithBin(commit(request, record, seen, outcome.change), SUCCESS_BIN, outcome.value)
  }
}

/** The record as the function sees it. */
function udfRecord(request: RecordRequest, record: StoredRecord | undefined): UdfRecord {
  const setName = requestedSet(request)
  const bins = new Map<string, Particle>()
  if (record !== undefined) {
    for (const bin of BinList.decode(record.bins, record.binCount)) bins.set(binNameToText(bin.name), bin)
  }
  return {
    exists: record !== undefined,
    digest: request.digest,
    setName: setName === '' ? undefined : binNameToText(setName),
    userKey: record?.userKey === undefined ? undefined : keyParticle(record.userKey),
    generation: record?.generation ?? 0,
    voidTimeSeconds: record?.voidTimeSeconds ?? NEVER_EXPIRES,
    ttlSeconds: secondsToLive(record, request.namespace.nowSeconds),
    lastUpdateMs: record?.lastUpdateMs ?? 0,
    sizeBytes: record?.sizeBytes ?? 0,
    bins,
  }
}

function keyParticle(userKey: Buffer): Particle {
  return { type: userKey.readUInt8(0), value: userKey.subarray(1) }
}

function secondsToLive(record: StoredRecord | undefined, nowSeconds: number): number {
  if (record === undefined || record.voidTimeSeconds === NEVER_EXPIRES) return 0
  return Math.max(0, record.voidTimeSeconds - nowSeconds)
}

/** Makes the record what the function left; the reply still lacks the function's value. */
function commit(
  request: RecordRequest,
  existing: StoredRecord | undefined,
  seen: UdfRecord,
  change: UdfChange,
): RecordReply {
  const { namespace, digest } = request
  if (change.kind === 'none') return replyWithCode(RESULT_CODES.OK, existing)
  if (change.kind === 'remove') {
    namespace.remove(digest)
    const generation = existing === undefined ? 0 : nextGeneration(existing.generation)
    return { ...replyWithCode(RESULT_CODES.OK), generation }
  }
  const setName = requestedSet(request)
  const recordTtl = change.ttlSeconds === undefined ? request.recordTtl : recordTtlOf(change.ttlSeconds)
  const voidTimeSeconds = writeVoidTime(namespace, recordTtl, setName, existing)
  const userKey = change.dropKey ? undefined : userKeyToStore(request, existing)
  const bins = BinList.of(binsAfter(seen, change.bins))
  const record = namespace.write({ digest, existing, setName, bins, voidTimeSeconds, userKey })
  return replyWithCode(RESULT_CODES.OK, record)
}

/** The bins after a call. Those that come back as they went in were checked and normalised when they were written. */
function binsAfter(seen: UdfRecord, after: ReadonlyMap<string, Particle>): Bin[] {
  const bins: Bin[] = []
  for (const [name, particle] of after) {
    // What a function saw are the bins themselves (udfRecord).
    if (seen.bins.get(name) === particle) bins.push(particle as Bin)
    else {
      const { type, value } = particle
      bins.push({ name: binNameFromText(name), type, value: storedParticle(type, asBuffer(value)) })
    }
  }
  return bins
}

/** What a function gave to record.set_ttl, as record_ttl travels: -1 is "never", -2 "keep" (protocol 7.7). */
function recordTtlOf(ttlSeconds: number): number {
  if (ttlSeconds === -1) return RECORD_TTL.NEVER
  if (ttlSeconds === -2) return RECORD_TTL.KEEP
  if (ttlSeconds < 0) throw new CommandError(RESULT_CODES.PARAMETER, `time to live of ${ttlSeconds} s`)
  return ttlSeconds
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function replyWithBin(reply: RecordReply, name: string, { type, value }: Particle): RecordReply {
  const writer = new ByteWriter()
  writeOperation(writer, OPERATION_CODES.READ, type, name, value)
  return { ...reply, operationCount: 1, operations: writer.view() }
}
