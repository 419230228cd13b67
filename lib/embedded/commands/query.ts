import { FIELD_TYPES, findField, INFO2, INFO3, type Message, RESULT_CODES } from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import { aggregation } from '../queries/aggregation.ts'
import { startBackgroundOperations, startBackgroundUdf } from '../queries/background-job.ts'
import { foregroundQuery } from '../queries/foreground-query.ts'
import type { ServerNode } from '../server-node.ts'
import type { Namespace } from '../storage/namespace.ts'
import { replyWithCode } from './record-reply.ts'
import { replyFrame } from './reply-frames.ts'

/** What a query that names a function does with it: the byte of field 33 (protocol 3.2). */
const UDF_OPERATIONS = { AGGREGATE: 1, BACKGROUND: 2 } as const

/** Answers a message without a digest: a query, a scan, an aggregation or a background job (protocol 10). */
export function queryReply(
  node: ServerNode,
  namespace: Namespace,
  message: Message,
): Buffer | Iterator<Buffer, void> {
  try {
    return dispatch(node, namespace, message)
  } catch (error) {
    if (error instanceof CommandError) return replyFrame(replyWithCode(error.resultCode))
    throw error
  }
}

function dispatch(node: ServerNode, namespace: Namespace, message: Message): Buffer | Iterator<Buffer, void> {
  if (findField(message.fields, FIELD_TYPES.UDF_MODULE) !== undefined) {
    switch (findField(message.fields, FIELD_TYPES.UDF_OPERATION)?.[0]) {
      case UDF_OPERATIONS.AGGREGATE:
        return aggregation(node, namespace, message)
      case UDF_OPERATIONS.BACKGROUND:
        return startBackgroundUdf(node, namespace, message)
      default:
        throw new CommandError(RESULT_CODES.PARAMETER, 'query with a function and nothing to do with it')
    }
  }
  if ((message.info2 & INFO2.WRITE) !== 0) return startBackgroundOperations(node, namespace, message)
  if ((message.info3 & INFO3.PARTITION_DONE) === 0) throw new CommandError(RESULT_CODES.UNSUPPORTED_FEATURE)
  return foregroundQuery(node, namespace, message)
}
