import {
  FRAME_HEADER_BYTES,
  FRAME_TYPES,
  FRAME_VERSION,
  INFO3,
  MESSAGE_HEADER_BYTES,
  OPERATION_HEADER_BYTES,
  ProtocolError,
} from '../../protocol/index.ts'
import { holdsViews, uint32 } from './value-decoding.ts'

/**
 * The largest frame that is accepted. Servers send frames of 128 KiB, and one of its own for a larger record,
 * of which 8 MiB is the most that a server can be configured to take.
 */
export const ANSWER_FRAME_BYTES_MAX = 16 * 1024 * 1024

const CARRY_BYTES_MIN = 16 * 1024
/** A larger buffer is given back when an answer is complete. */
const CARRY_BYTES_KEPT = 256 * 1024

/**
 * How much of a chunk is copied at once for rows whose values are views: a copy for each row would be a quarter of
 * what reading it costs, and who keeps one record keeps no more than this with it.
 */
const COPY_BYTES = 16 * 1024

const NO_BYTES = Buffer.alloc(0)

/** One row of an answer; the object is valid during the call only. */
export interface RowMessage {
  readonly resultCode: number
  readonly generation: number
  readonly index: number
  /** Where values are views of them they stay as they are; otherwise they are valid during the call only. */
  readonly bytes: Buffer
  readonly operationsStart: number
  readonly operationCount: number
}

/** Takes the rows of an answer. */
export interface RowReceiver {
  /** @throws ProtocolError for a row that was not asked */
  onRow(message: RowMessage): void
}

/** The message being read, one object for all of them. */
class Message implements RowMessage {
  resultCode = 0
  generation = 0
  index = 0
  bytes: Buffer = NO_BYTES
  operationsStart = 0
  operationCount = 0
}

/**
 * Reads the answers to batches from the chunks of a stream (protocol 6.3): each row as soon as it is there. What
 * it keeps of a chunk is a message that is not complete, of at most ANSWER_FRAME_BYTES_MAX.
 */
export class AnswerReader {
  readonly #message = new Message()
  #carry = Buffer.alloc(0)
  #carried = 0
  /** Bytes of the present frame that were not read yet. */
  #frameBytes = 0
  #finalCode: number | undefined
  /** Whether values of the present message would be views of the chunk. */
  #holdsViews = false
  /** What was copied last of the present chunk, and between which of its offsets it lies. */
  #copy: Buffer = NO_BYTES
  #copyStart = 0
  #copyEnd = 0

  /**
   * Hands over the rows of a chunk; the chunk may be overwritten afterwards.
   *
   * @returns the final result code when the answer is complete
   * @throws ProtocolError when the bytes are no answer: the stream cannot be used any longer
   */
  read(chunk: Buffer, receiver: RowReceiver): number | undefined {
    this.#finalCode = undefined
    const source = this.#carried === 0 ? chunk : this.#appended(chunk)
    const end = this.#readMessages(source, receiver)
    this.#copy = NO_BYTES
    this.#copyEnd = 0
    if (this.#finalCode === undefined) this.#keep(source, end)
    else if (end < source.length || this.#frameBytes > 0)
      throw new ProtocolError('bytes behind the end of an answer')
    else this.#forget()
    return this.#finalCode
  }

  /** @returns the offset behind the last whole message */
  #readMessages(source: Buffer, receiver: RowReceiver): number {
    let at = 0
    while (this.#finalCode === undefined) {
      if (this.#frameBytes === 0) {
        if (source.length - at < FRAME_HEADER_BYTES) return at
        this.#frameBytes = frameBytes(source, at)
        at += FRAME_HEADER_BYTES
      }
      const next = this.#readMessage(source, at, receiver)
      if (next === at) return at
      this.#frameBytes -= next - at
      at = next
    }
    return at
  }

  /** @returns the offset behind the message, or its own while bytes are missing */
  #readMessage(source: Buffer, at: number, receiver: RowReceiver): number {
    const frameEnd = at + this.#frameBytes
    if (this.#frameBytes < MESSAGE_HEADER_BYTES) throw new ProtocolError('message runs past its frame')
    if (source.length - at < MESSAGE_HEADER_BYTES) return at
    const message = this.#message
    const fieldCount = uint16(source, at + 18)
    message.operationCount = uint16(source, at + 20)
    const operationsStart = skipFields(source, at + MESSAGE_HEADER_BYTES, fieldCount, frameEnd)
    const end = operationsStart < 0 ? -1 : this.#skipOperations(source, operationsStart, frameEnd)
    if (end < 0) return at
    message.resultCode = source[at + 5] ?? 0
    if (((source[at + 3] ?? 0) & INFO3.LAST) !== 0) {
      this.#finalCode = message.resultCode
      return end
    }
    message.generation = uint32(source, at + 6)
    message.index = uint32(source, at + 14)
    if (this.#holdsViews) this.#copyOperations(source, operationsStart, end)
    else {
      message.bytes = source
      message.operationsStart = operationsStart
    }
    receiver.onRow(message)
    return end
  }

  /** @returns the offset behind the operations, -1 while bytes are missing */
  #skipOperations(source: Buffer, start: number, frameEnd: number): number {
    this.#holdsViews = false
    let at = start
    for (let left = this.#message.operationCount; left > 0; left--) {
      if (at + OPERATION_HEADER_BYTES > frameEnd) throw new ProtocolError('operation runs past its frame')
      if (at + OPERATION_HEADER_BYTES > source.length) return -1
      const end = at + 4 + uint32(source, at)
      if (end > frameEnd || at + OPERATION_HEADER_BYTES + (source[at + 7] ?? 0) > end)
        throw new ProtocolError('operation runs past its end')
      if (holdsViews(source[at + 5] ?? 0)) this.#holdsViews = true
      at = end
    }
    return at > source.length ? -1 : at
  }

  /** Copies them unless they were with the message before, and what follows with them. */
  #copyOperations(source: Buffer, start: number, end: number): void {
    if (end > this.#copyEnd) {
      this.#copyStart = start
      this.#copyEnd = Math.max(end, Math.min(source.length, start + COPY_BYTES))
      this.#copy = Buffer.from(source.subarray(start, this.#copyEnd))
    }
    this.#message.bytes = this.#copy
    this.#message.operationsStart = start - this.#copyStart
  }

  #appended(chunk: Buffer): Buffer {
    const needed = this.#carried + chunk.length
    if (needed > this.#carry.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(CARRY_BYTES_MIN, 2 * needed))
      this.#carry.copy(grown, 0, 0, this.#carried)
      this.#carry = grown
    }
    this.#carry.set(chunk, this.#carried)
    this.#carried = needed
    return this.#carry.subarray(0, needed)
  }

  #keep(source: Buffer, from: number): void {
    const left = source.length - from
    if (this.#carried > 0) this.#carry.copyWithin(0, from, source.length)
    else if (left > 0) this.#appended(source.subarray(from))
    this.#carried = left
  }

  #forget(): void {
    this.#carried = 0
    if (this.#carry.length > CARRY_BYTES_KEPT) this.#carry = Buffer.alloc(0)
  }
}

function frameBytes(source: Buffer, at: number): number {
  if (source[at] !== FRAME_VERSION || source[at + 1] !== FRAME_TYPES.MESSAGE)
    throw new ProtocolError(`frame version ${source[at]} of type ${source[at + 1]}`)
  const bytes = source.readUIntBE(at + 2, 6)
  if (bytes > ANSWER_FRAME_BYTES_MAX || bytes < MESSAGE_HEADER_BYTES)
    throw new ProtocolError(`frame of ${bytes} bytes, at most ${ANSWER_FRAME_BYTES_MAX} are accepted`)
  return bytes
}

/** @returns the offset behind the fields, -1 while bytes are missing */
function skipFields(source: Buffer, start: number, count: number, frameEnd: number): number {
  let at = start
  for (let left = count; left > 0; left--) {
    if (at + 4 > frameEnd) throw new ProtocolError('field runs past its frame')
    if (at + 4 > source.length) return -1
    at += 4 + uint32(source, at)
    if (at > frameEnd) throw new ProtocolError('field runs past its frame')
  }
  return at
}

function uint16(bytes: Buffer, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}
