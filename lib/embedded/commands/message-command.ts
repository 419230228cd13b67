import {
  decodeMessage,
  FIELD_TYPES,
  findField,
  INFO1,
  type Message,
  ProtocolError,
  RESULT_CODES,
} from '../../protocol/index.ts'
import type { ServerNode } from '../server-node.ts'
import { batchReply } from './batch.ts'
import { queryReply } from './query.ts'
import { executeRecordCommand } from './record-command.ts'
import { replyWithCode } from './record-reply.ts'
import { replyFrame } from './reply-frames.ts'

/**
 * Answers the body of a message frame: with one frame, or with frames to be taken one after the other as
 * the client reads them.
 */
export function messageReply(node: ServerNode, body: Buffer): Buffer | Iterator<Buffer, void> {
  const message = decoded(node, body)
  if (message === undefined) return errorFrame(RESULT_CODES.PARAMETER)
  if ((message.info1 & INFO1.BATCH) !== 0) return batchReply(node, message)
  const name = findField(message.fields, FIELD_TYPES.NAMESPACE)
  const namespace = name === undefined ? undefined : node.namespaces.get(name.toString('latin1'))
  if (namespace === undefined) return errorFrame(RESULT_CODES.NAMESPACE)
  const digest = findField(message.fields, FIELD_TYPES.DIGEST)
  if (digest === undefined) return queryReply(message)
  const reply = executeRecordCommand(node, {
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
    operations: message.operations,
    batchFilter: undefined,
    inBatch: false,
  })
  return replyFrame(reply)
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
