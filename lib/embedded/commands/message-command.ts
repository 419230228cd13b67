import {
  decodeMessage,
  FIELD_TYPES,
  findField,
  INFO1,
  type Message,
  ProtocolError,
  RESULT_CODES,
} from '../../protocol/index.ts'
import type { Reply } from '../request-handler.ts'
import type { ServerNode } from '../server-node.ts'
import { batchReply, type RowRefusals } from './batch.ts'
import { deadlineOf, executeWhenOwned } from './owned-command.ts'
import { requestedNamespace } from './preconditions.ts'
import { queryReply } from './query.ts'
import { executeRecordCommand } from './record-command.ts'
import { replyWithCode } from './record-reply.ts'
import type { RecordRequest } from './record-request.ts'
import { replyFrame } from './reply-frames.ts'

/**
 * Answers the body of a message frame: with one frame, or with frames to be taken one after the other as
 * the client reads them.
 *
 * @param refusals rows of a batch that are not run, see batchReply
 */
export function messageReply(node: ServerNode, body: Buffer, refusals?: RowRefusals): Reply {
  const message = decoded(node, body)
  if (message === undefined) return errorFrame(RESULT_CODES.PARAMETER)
  if ((message.info1 & INFO1.BATCH) !== 0) return batchReply(node, message, refusals)
  const namespace = requestedNamespace(node, message.fields)
  if (namespace === undefined) return errorFrame(RESULT_CODES.NAMESPACE)
  const digest = findField(message.fields, FIELD_TYPES.DIGEST)
  if (digest === undefined) return queryReply(node, namespace, message)
  const request = {
    namespace,
    digest,
    info1: message.info1,
    info2: message.info2,
    info3: message.info3,
    info4: message.info4,
    generation: message.generation,
    recordTtl: message.recordTtl,
    timeoutMs: message.transactionTtl,
    fields: message.fields,
    operations: { list: message.operations },
    batchFilter: undefined,
    inBatch: false,
  }
  return node.cluster.isAlone ? replyFrame(executeRecordCommand(node, request)) : ownedReply(node, request)
}

function* ownedReply(node: ServerNode, request: RecordRequest): Generator<Buffer | Promise<void>, void> {
  yield replyFrame(yield* executeWhenOwned(node, request, deadlineOf(request.timeoutMs)))
}

/** The message, or undefined for one whose parts do not fit it. */
function decoded(node: ServerNode, body: Buffer): Message | undefined {
  try {
    return decodeMessage(body)
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    node.statistics.demarshalErrors++
    return undefined
  }
}

export function errorFrame(resultCode: number): Buffer {
  return replyFrame(replyWithCode(resultCode))
}
