import { RESULT_CODES } from '../../protocol/index.ts'
import { TIMEOUT_MS_DEFAULT } from '../limits.ts'
import type { ServerNode } from '../server-node.ts'
import { executeRecordCommand, executorOf } from './record-command.ts'
import { type RecordReply, replyWithCode } from './record-reply.ts'
import type { RecordRequest } from './record-request.ts'

/**
 * As executeRecordCommand, but waits while nobody can run the command: as a real node holds what it passes on to
 * another one until the cluster has sorted itself out. TIMEOUT = the client's time was over first, and nothing
 * was done.
 *
 * @param deadlineMs when the client's time is over (see deadlineOf); one for all rows of a batch
 */
export function* executeWhenOwned(
  node: ServerNode,
  request: RecordRequest,
  deadlineMs: number,
): Generator<Promise<void>, RecordReply> {
  while (executorOf(node, request) === undefined) {
    const leftMs = deadlineMs - performance.now()
    if (leftMs <= 0) return replyWithCode(RESULT_CODES.TIMEOUT)
    yield node.cluster.changed(leftMs)
  }
  return executeRecordCommand(node, request)
}

/** By the clock of performance.now, when a client that sent its request now has waited as long as it said. */
export function deadlineOf(timeoutMs: number): number {
  return performance.now() + (timeoutMs || TIMEOUT_MS_DEFAULT)
}
