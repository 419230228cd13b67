import { RESULT_CODES } from '../../protocol/index.ts'
import type { ServerNode } from '../server-node.ts'
import { executeRecordCommand, executorOf } from './record-command.ts'
import { type RecordReply, replyWithCode } from './record-reply.ts'
import type { RecordRequest } from './record-request.ts'

/** How long a client waits that does not say it (protocol 2.7, transaction-max-ms). */
const TIMEOUT_MS_DEFAULT = 1_000

/**
 * As executeRecordCommand, but waits while nobody can run the command: as a real node holds what it passes on to
 * another one until the cluster has sorted itself out. TIMEOUT = the client's time was over first, and nothing
 * was done.
 */
export function* executeWhenOwned(
  node: ServerNode,
  request: RecordRequest,
): Generator<Promise<void>, RecordReply> {
  const untilMs = performance.now() + (request.timeoutMs || TIMEOUT_MS_DEFAULT)
  while (executorOf(node, request) === undefined) {
    const leftMs = untilMs - performance.now()
    if (leftMs <= 0) return replyWithCode(RESULT_CODES.TIMEOUT)
    yield node.cluster.changed(leftMs)
  }
  return executeRecordCommand(node, request)
}
