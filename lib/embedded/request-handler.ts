import { encodeFrame, FRAME_TYPES, type Frame, RESULT_CODES } from '../protocol/index.ts'
import { errorFrame, messageReply } from './commands/message-command.ts'
import { infoReply } from './info/info.ts'
import type { ServerNode } from './server-node.ts'

/** One frame, or frames to be taken one after the other; an empty buffer among them only gives way to others. */
export type Reply = Buffer | Iterator<Buffer, void>

const SECURITY_REPLY_BYTES = 16

/** Answers a frame, by its type. The types are the ones that FrameReader lets through. */
export function replyTo(node: ServerNode, frame: Frame): Reply {
  switch (frame.type) {
    case FRAME_TYPES.INFO:
      return encodeFrame(FRAME_TYPES.INFO, infoReply(node, frame.body))
    case FRAME_TYPES.SECURITY:
      return securityRefusal()
    case FRAME_TYPES.COMPRESSED:
      return errorFrame(RESULT_CODES.ENTERPRISE_ONLY)
    default:
      return messageReply(node, frame.body)
  }
}

/** A server without security answers every security frame with the same 16 bytes (protocol 12). */
function securityRefusal(): Buffer {
  const body = Buffer.alloc(SECURITY_REPLY_BYTES)
  body[1] = RESULT_CODES.SECURITY_NOT_SUPPORTED
  return encodeFrame(FRAME_TYPES.SECURITY, body)
}
