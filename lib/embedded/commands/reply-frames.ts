import {
  ByteWriter,
  FRAME_HEADER_BYTES,
  FRAME_TYPES,
  INFO3,
  MESSAGE_HEADER_BYTES,
  writeFrameHeader,
  writeMessageHeader,
} from '../../protocol/index.ts'
import type { RecordReply } from './record-reply.ts'

/** Rows of a batch or query are sent when this many bytes have gathered, as a real server does. */
export const ROWS_FRAME_BYTES = 128 * 1024
/** Among the frames of a reply: a moment at which others may be served. */
export const NOTHING_TO_SEND = Buffer.alloc(0)

const FRAME_HEADER_SPACE = Buffer.alloc(FRAME_HEADER_BYTES)

/** A writer with room for the header of a frame in front. */
export function beginFrame(bodyBytes = 0): ByteWriter {
  return new ByteWriter(FRAME_HEADER_BYTES + bodyBytes).bytes(FRAME_HEADER_SPACE)
}

/** Whether nothing was written since `beginFrame`. */
export function isEmptyFrame(writer: ByteWriter): boolean {
  return writer.length === FRAME_HEADER_BYTES
}

/** The whole frame, its header filled in. */
export function endFrame(writer: ByteWriter, type: number): Buffer {
  const frame = writer.view()
  writeFrameHeader(frame, 0, type, frame.length - FRAME_HEADER_BYTES)
  return frame
}

/** Appends a reply as a message. @param rowIndex the index of a row of a batch, which it carries back */
export function writeReply(writer: ByteWriter, reply: RecordReply, rowIndex = 0): void {
  writeMessageHeader(writer, {
    resultCode: reply.resultCode,
    generation: reply.generation,
    recordTtl: reply.voidTimeSeconds,
    transactionTtl: rowIndex,
    operationCount: reply.operationCount,
  })
  writer.bytes(reply.operations)
}

/** The frame that answers a command on one record. */
export function replyFrame(reply: RecordReply): Buffer {
  const writer = beginFrame(MESSAGE_HEADER_BYTES + reply.operations.length)
  writeReply(writer, reply)
  return endFrame(writer, FRAME_TYPES.MESSAGE)
}

/** The frame that ends the reply of a batch or query. */
export function lastMessageFrame(resultCode: number): Buffer {
  const writer = beginFrame(MESSAGE_HEADER_BYTES)
  writeMessageHeader(writer, { resultCode, info3: INFO3.LAST })
  return endFrame(writer, FRAME_TYPES.MESSAGE)
}
