import {
  decodeMessageAt,
  FRAME_HEADER_BYTES,
  FRAME_TYPES,
  INFO3,
  MESSAGE_HEADER_BYTES,
  writeFrameHeader,
} from '../../protocol/index.ts'
import { chance } from './chance.ts'
import type { FaultAfter } from './fault-rule.ts'

const RESULT_CODE_AT = 5

/** A message of a reply, as bytes of its own. */
interface ReplyMessage {
  readonly bytes: Buffer
  /** The index of its row; undefined for the message that ends the reply. */
  readonly row: number | undefined
}

/**
 * The frames of a reply as a fault leaves them.
 *
 * @param rows the index of each row that the fault is about
 * @param chanceOf what decisions of chance are made of
 */
export function damagedFrames(
  frames: readonly Buffer[],
  fault: FaultAfter,
  rows: ReadonlySet<number>,
  chanceOf: readonly number[],
): readonly Buffer[] {
  switch (fault.kind) {
    case 'truncate':
      return [Buffer.concat(frames).subarray(0, fault.bytes)]
    case 'duplicate':
      return [...frames, ...frames]
    case 'corrupt':
      return [corrupted(Buffer.concat(frames), fault.bytes, fault.from ?? 0, chanceOf)]
    case 'dropRows':
      return changeRows(frames, messages => messages.filter(message => !isIn(rows, message)))
    case 'duplicateRows':
      return changeRows(frames, messages =>
        messages.flatMap(message => (isIn(rows, message) ? [message, message] : [message])),
      )
    case 'recodeRows':
      return changeRows(frames, messages =>
        messages.map(message => (isIn(rows, message) ? recoded(message, fault.resultCode) : message)),
      )
    case 'reorderRows':
      return changeRows(frames, messages => shuffled(messages, chanceOf))
    default:
      return frames
  }
}

function isIn(rows: ReadonlySet<number>, { row }: ReplyMessage): boolean {
  return row !== undefined && rows.has(row)
}

/** Takes each frame apart into its messages, and puts what is made of them together again. */
function changeRows(
  frames: readonly Buffer[],
  change: (messages: readonly ReplyMessage[]) => readonly ReplyMessage[],
): Buffer[] {
  return frames.flatMap(frame => {
    if (frame.readUInt8(1) !== FRAME_TYPES.MESSAGE) return [frame]
    const messages = change(messagesOf(frame))
    return messages.length === 0 ? [] : [frameOf(messages)]
  })
}

function messagesOf(frame: Buffer): ReplyMessage[] {
  const messages: ReplyMessage[] = []
  for (let at = FRAME_HEADER_BYTES; at < frame.length; ) {
    const { message, end } = decodeMessageAt(frame, at)
    const isLast = (message.info3 & INFO3.LAST) !== 0
    messages.push({ bytes: frame.subarray(at, end), row: isLast ? undefined : message.transactionTtl })
    at = end
  }
  return messages
}

function frameOf(messages: readonly ReplyMessage[]): Buffer {
  const frame = Buffer.concat([Buffer.alloc(FRAME_HEADER_BYTES), ...messages.map(message => message.bytes)])
  writeFrameHeader(frame, 0, FRAME_TYPES.MESSAGE, frame.length - FRAME_HEADER_BYTES)
  return frame
}

/** A reply of a failed row: nothing but the code. */
function recoded({ bytes, row }: ReplyMessage, resultCode: number): ReplyMessage {
  const header = Buffer.from(bytes.subarray(0, MESSAGE_HEADER_BYTES))
  header.writeUInt8(resultCode, RESULT_CODE_AT)
  // No fields and no operations follow.
  header.writeUInt32BE(0, MESSAGE_HEADER_BYTES - 4)
  return { bytes: header, row }
}

function corrupted(reply: Buffer, count: number, from: number, chanceOf: readonly number[]): Buffer {
  const copy = Buffer.from(reply)
  const [seed = 0, ...what] = chanceOf
  for (let nth = 0; nth < count && from < copy.length; nth++) {
    const at = from + Math.floor(chance(seed, ...what, nth) * (copy.length - from))
    // Never 0, which would change nothing.
    const change = 1 + Math.floor(chance(seed, ...what, nth, 1) * 255)
    copy.writeUInt8(copy.readUInt8(at) ^ change, at)
  }
  return copy
}

/** Rows in another order; the message that ends a reply stays behind them. */
function shuffled(messages: readonly ReplyMessage[], chanceOf: readonly number[]): ReplyMessage[] {
  const [seed = 0, ...what] = chanceOf
  const rows = messages.filter(message => message.row !== undefined)
  const drawn = rows.map(message => ({ message, at: chance(seed, ...what, message.row ?? 0) }))
  drawn.sort((a, b) => a.at - b.at)
  return [...drawn.map(({ message }) => message), ...messages.filter(message => message.row === undefined)]
}
