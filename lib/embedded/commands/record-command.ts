import {
  DIGEST_BYTES,
  FIELD_TYPES,
  findField,
  INFO1,
  INFO2,
  INFO3,
  INFO4,
  partitionId,
  RESULT_CODES,
} from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import { stackOf } from '../log.ts'
import type { ServerNode } from '../server-node.ts'
import { changesExpiry } from '../storage/expiry.ts'
import type { CommandKind } from '../storage/namespace-statistics.ts'
import { deleteRecord } from './delete.ts'
import { readRecord } from './read.ts'
import { type RecordReply, replyWithCode } from './record-reply.ts'
import type { RecordRequest } from './record-request.ts'
import { applyUdf, isUdfCall } from './udf.ts'
import { writeRecord } from './write.ts'

/**
 * Runs a command on one record, on the node that owns its partition. Whatever goes wrong becomes its result code:
 * it never throws. UNAVAILABLE = nobody can run it now, and nothing was done.
 */
export function executeRecordCommand(node: ServerNode, request: RecordRequest): RecordReply {
  const kind = commandKind(request)
  if (node.cluster.isAlone) return executeHere(node, request, kind)
  const executor = executorOf(node, request)
  if (executor === undefined) return replyWithCode(RESULT_CODES.UNAVAILABLE)
  if (executor === node) return executeHere(node, request, kind)
  const namespace = executor.namespaces.get(request.namespace.name)
  if (namespace === undefined) return replyWithCode(RESULT_CODES.NAMESPACE)
  return executeHere(executor, { ...request, namespace }, kind)
}

/** The node that a command runs on, undefined while there is none: see ClusterView.executor. */
export function executorOf({ cluster }: ServerNode, request: RecordRequest): ServerNode | undefined {
  const readOnly = (request.info2 & INFO2.WRITE) === 0 && !changesExpiry(request.recordTtl)
  return cluster.executor(partitionId(request.digest), readOnly)
}

function executeHere(node: ServerNode, request: RecordRequest, kind: CommandKind | undefined): RecordReply {
  const startedMs = performance.now()
  const reply = run(node, request, kind)
  if (kind === undefined) return reply
  const { statistics } = request.namespace
  const endedMs = performance.now()
  statistics.count(kind, request.inBatch, reply.resultCode)
  statistics.time(kind, request.inBatch, endedMs, endedMs - startedMs)
  return reply
}

/** Which command the bits of a message make it; DELETE goes before the fields of a call. */
export function commandKind({
  info1,
  info2,
  fields,
}: Pick<RecordRequest, 'info1' | 'info2' | 'fields'>): CommandKind | undefined {
  if ((info2 & INFO2.WRITE) === 0) return (info1 & INFO1.READ) === 0 ? undefined : 'read'
  if ((info2 & INFO2.DELETE) !== 0) return 'delete'
  return isUdfCall(fields) ? 'udf' : 'write'
}

function run(node: ServerNode, request: RecordRequest, kind: CommandKind | undefined): RecordReply {
  if (request.digest.length !== DIGEST_BYTES) return replyWithCode(RESULT_CODES.PARAMETER)
  if (needsEnterprise(request, kind)) return replyWithCode(RESULT_CODES.ENTERPRISE_ONLY)
  try {
    switch (kind) {
      case 'read':
        return withExpiredGeneration(request, readRecord(request))
      case 'delete':
        return deleteRecord(request)
      case 'udf':
        return withExpiredGeneration(request, applyUdf(node.udf, request))
      case 'write':
        return withExpiredGeneration(request, writeRecord(request))
      default:
        return replyWithCode(RESULT_CODES.PARAMETER)
    }
  } catch (error) {
    if (error instanceof CommandError) return replyWithCode(error.resultCode)
    node.log('error', `command failed: ${stackOf(error)}`)
    return replyWithCode(RESULT_CODES.UNKNOWN)
  }
}

/**
 * An expired record is as good as none. As long as it was not removed, replies that are about no other carry its
 * generation.
 */
function withExpiredGeneration({ namespace, digest }: RecordRequest, reply: RecordReply): RecordReply {
  const generation = reply.generation === 0 ? namespace.findExpiredToo(digest)?.generation : undefined
  return generation === undefined ? reply : { ...reply, generation }
}

/** Multi-record transactions and linearised reads are enterprise features. */
function needsEnterprise({ info3, info4, fields }: RecordRequest, kind: CommandKind | undefined): boolean {
  if (findField(fields, FIELD_TYPES.TRANSACTION_ID) !== undefined) return true
  if (kind !== 'read') return (info4 & (INFO4.ROLL_FORWARD | INFO4.ROLL_BACK)) !== 0
  return (info4 & INFO4.VERIFY_READ) !== 0 || (info3 & SC_READ_BITS) === INFO3.SC_READ_TYPE
}

const SC_READ_BITS = INFO3.SC_READ_TYPE | INFO3.SC_READ_RELAX
