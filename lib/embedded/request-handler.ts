import { encodeFrame, FRAME_TYPES, type Frame, RESULT_CODES } from '../protocol/index.ts'
import type { RowRefusals } from './commands/batch.ts'
import { errorFrame, messageReply } from './commands/message-command.ts'
import { infoReply } from './info/info.ts'
import type { ServerNode } from './server-node.ts'

/**
 * One frame, or frames to be taken one after the other. An empty buffer among them only gives way to others, a
 * promise stands for something that has to happen first; it must not reject.
 */
export type Reply = Buffer | Iterator<Buffer | Promise<void>, void>

/** Where a frame came from. */
export interface FrameSource {
  /** Counts the connections of a node, from 0. */
  readonly number: number
  /** Ends the connection behind the reply that is being made, which may be without a frame. */
  closeAfterReply(): void
  /** Ends the connection at once, as a process that dies does. */
  reset(): void
}

const SECURITY_REPLY_BYTES = 16

/**
 * Answers a frame, by its type. The types are the ones that FrameReader lets through.
 *
 * @param refusals rows of a batch that are not run, see batchReply
 */
export function replyTo(node: ServerNode, frame: Frame, refusals?: RowRefusals): Reply {
  switch (frame.type) {
    case FRAME_TYPES.INFO:
      return encodeFrame(FRAME_TYPES.INFO, infoReply(node, frame.body))
    case FRAME_TYPES.SECURITY:
      return securityRefusal()
    case FRAME_TYPES.COMPRESSED:
      return errorFrame(RESULT_CODES.ENTERPRISE_ONLY)
    default:
      return messageReply(node, frame.body, refusals)
  }
}

/** A server without security answers every security frame with the same 16 bytes (protocol 12). */
function securityRefusal(): Buffer {
  const body = Buffer.alloc(SECURITY_REPLY_BYTES)
  body[1] = RESULT_CODES.SECURITY_NOT_SUPPORTED
  return encodeFrame(FRAME_TYPES.SECURITY, body)
}
