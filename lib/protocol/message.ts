import { ByteWriter } from './byte-writer.ts'
import { ProtocolError } from './protocol-error.ts'

// A message (body of a frame of type 3), protocol 3.1 to 3.3. All integers are big-endian.
//
//   0  u8   header size, always 22           14  u32  transaction ttl
//   1  u8   info1                            18  u16  number of fields
//   2  u8   info2                            20  u16  number of operations
//   3  u8   info3                            22       fields, then operations
//   4  u8   info4
//   5  u8   result code                      field:      u32 size of what follows · u8 type · data
//   6  u32  generation                       operation:  u32 size of what follows · u8 code · u8 particle type
//   10 u32  record ttl                                   · u8 flags · u8 length of the name · name · value

export const MESSAGE_HEADER_BYTES = 22
const FIELD_HEADER_BYTES = 5
export const OPERATION_HEADER_BYTES = 8
/** What an operation's size counts besides name and value. */
const OPERATION_SIZE_BASE = 4

/** The fixed part of a message. Requests and replies use some members differently. */
export interface MessageHeader {
  readonly info1: number
  readonly info2: number
  readonly info3: number
  readonly info4: number
  /** Replies: one of RESULT_CODES. */
  readonly resultCode: number
  /** Requests: the generation expected. Replies: the record's. */
  readonly generation: number
  /** Requests: seconds to live, or the read-touch percentage. Replies: the void time (protocol 11.1). */
  readonly recordTtl: number
  /** Requests: the total timeout in milliseconds. Batch rows of replies: the index of the row. */
  readonly transactionTtl: number
  readonly fieldCount: number
  readonly operationCount: number
}

export interface Field {
  readonly type: number
  /** A view of the message. */
  readonly data: Buffer
}

/** An operation of a request, or a bin of a reply. */
export interface Operation {
  readonly code: number
  readonly particleType: number
  /**
   * The bin's name, one character per byte (latin1): names are bytes to a server, and need not be UTF-8.
   * `binNameToText` and `binNameFromText` convert.
   */
  readonly name: string
  /** A view of the message. */
  readonly value: Buffer
}

export interface Message extends MessageHeader {
  readonly fields: readonly Field[]
  readonly operations: readonly Operation[]
}

/** What `encodeMessage` needs; whatever is left out is zero or empty. */
export type MessageInit = Partial<
  Omit<Message, 'fieldCount' | 'operationCount' | 'fields' | 'operations'>
> & {
  readonly fields?: readonly { readonly type: number; readonly data: Uint8Array }[]
  readonly operations?: readonly OperationInit[]
}

export type OperationInit = Omit<Operation, 'value'> & { readonly value?: Uint8Array }

/** A bin name as people write it. */
export function binNameToText(name: string): string {
  return isAscii(name) ? name : Buffer.from(name, 'latin1').toString('utf8')
}

/** A bin name as messages carry it. */
export function binNameFromText(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return false
  return true
}

/** @throws ProtocolError when fewer than 22 bytes are left. */
export function decodeMessageHeader(source: Buffer, offset = 0): MessageHeader {
  if (source.length - offset < MESSAGE_HEADER_BYTES) {
    throw new ProtocolError(`message of ${source.length - offset} bytes, its header needs 22`)
  }
  return {
    info1: source.readUInt8(offset + 1),
    info2: source.readUInt8(offset + 2),
    info3: source.readUInt8(offset + 3),
    info4: source.readUInt8(offset + 4),
    resultCode: source.readUInt8(offset + 5),
    generation: source.readUInt32BE(offset + 6),
    recordTtl: source.readUInt32BE(offset + 10),
    transactionTtl: source.readUInt32BE(offset + 14),
    fieldCount: source.readUInt16BE(offset + 18),
    operationCount: source.readUInt16BE(offset + 20),
  }
}

/** The offset behind a field or an operation: both begin with the size of what follows. */
function partEnd(source: Buffer, offset: number, headerBytes: number, what: string): number {
  if (source.length - offset < headerBytes) throw new ProtocolError(`${what} runs past the end`)
  const end = offset + 4 + source.readUInt32BE(offset)
  if (end > source.length || end < offset + headerBytes) {
    throw new ProtocolError(`${what} of ${end - offset - 4} bytes, ${source.length - offset - 4} are left`)
  }
  return end
}

/** The offset behind `count` fields, without looking into them. @throws ProtocolError */
export function skipFields(source: Buffer, offset: number, count: number): number {
  let at = offset
  for (let left = count; left > 0; left--) at = partEnd(source, at, FIELD_HEADER_BYTES, 'field')
  return at
}

/** The offset behind `count` operations, having checked that their names fit. @throws ProtocolError */
export function skipOperations(source: Buffer, offset: number, count: number): number {
  let at = offset
  for (let left = count; left > 0; left--) {
    const end = partEnd(source, at, OPERATION_HEADER_BYTES, 'operation')
    if (at + OPERATION_HEADER_BYTES + source.readUInt8(at + 7) > end) {
      throw new ProtocolError('name runs past the end of its operation')
    }
    if (source[at + 6] !== 0)
      throw new ProtocolError('operation with flags, which only servers send each other')
    at = end
  }
  return at
}

/** Decodes `count` fields that `skipFields` has walked over or will. @throws ProtocolError */
export function decodeFields(source: Buffer, offset: number, count: number): Field[] {
  const fields: Field[] = []
  let at = offset
  for (let left = count; left > 0; left--) {
    const end = partEnd(source, at, FIELD_HEADER_BYTES, 'field')
    fields.push({ type: source.readUInt8(at + 4), data: source.subarray(at + FIELD_HEADER_BYTES, end) })
    at = end
  }
  return fields
}

/** @throws ProtocolError when an operation or a name runs past the end. */
export function decodeOperations(source: Buffer, offset: number, count: number): Operation[] {
  const operations: Operation[] = []
  let at = offset
  for (let left = count; left > 0; left--) {
    const end = partEnd(source, at, OPERATION_HEADER_BYTES, 'operation')
    const nameStart = at + OPERATION_HEADER_BYTES
    const valueStart = nameStart + source.readUInt8(at + 7)
    if (valueStart > end) throw new ProtocolError('name runs past the end of its operation')
    operations.push({
      code: source.readUInt8(at + 4),
      particleType: source.readUInt8(at + 5),
      name: source.toString('latin1', nameStart, valueStart),
      value: source.subarray(valueStart, end),
    })
    at = end
  }
  return operations
}

/**
 * A whole message. Its header-size byte is ignored, as the server does (protocol 1.4).
 *
 * @throws ProtocolError when it is short, a part runs past its end, or bytes are left over.
 */
export function decodeMessage(source: Buffer): Message {
  const { message, end } = decodeMessageAt(source, 0)
  if (end !== source.length) throw new ProtocolError(`${source.length - end} bytes behind the message`)
  return message
}

/** One of the messages packed into the frame of a batch or query reply, and where it ends. */
export function decodeMessageAt(source: Buffer, offset: number): { message: Message; end: number } {
  const header = decodeMessageHeader(source, offset)
  const fieldsStart = offset + MESSAGE_HEADER_BYTES
  const operationsStart = skipFields(source, fieldsStart, header.fieldCount)
  const end = skipOperations(source, operationsStart, header.operationCount)
  const fields = decodeFields(source, fieldsStart, header.fieldCount)
  const operations = decodeOperations(source, operationsStart, header.operationCount)
  return { message: { ...header, fields, operations }, end }
}

/** The data of the first field of a type. */
export function findField(fields: readonly Field[], type: number): Buffer | undefined {
  for (const field of fields) if (field.type === type) return field.data
  return undefined
}

export function writeMessageHeader(writer: ByteWriter, header: Partial<MessageHeader>): void {
  const at = writer.reserve(MESSAGE_HEADER_BYTES)
  const { buffer } = writer
  buffer[at] = MESSAGE_HEADER_BYTES
  buffer[at + 1] = header.info1 ?? 0
  buffer[at + 2] = header.info2 ?? 0
  buffer[at + 3] = header.info3 ?? 0
  buffer[at + 4] = header.info4 ?? 0
  buffer[at + 5] = header.resultCode ?? 0
  buffer.writeUInt32BE(header.generation ?? 0, at + 6)
  buffer.writeUInt32BE(header.recordTtl ?? 0, at + 10)
  buffer.writeUInt32BE(header.transactionTtl ?? 0, at + 14)
  buffer.writeUInt16BE(header.fieldCount ?? 0, at + 18)
  buffer.writeUInt16BE(header.operationCount ?? 0, at + 20)
}

export function writeField(writer: ByteWriter, type: number, data: Uint8Array): void {
  writer
    .uint32(data.length + 1)
    .uint8(type)
    .bytes(data)
}

const NO_VALUE = new Uint8Array(0)

/** @param name one character per byte, at most 255 */
export function writeOperation(
  writer: ByteWriter,
  code: number,
  particleType: number,
  name: string,
  value: Uint8Array = NO_VALUE,
): void {
  const at = writer.reserve(operationBytes(name, value))
  writeBin(writer.buffer, at, code, particleType, name, value)
}

/** As writeOperation, into a buffer that has room; returns the offset behind it. */
export function writeBin(
  target: Buffer,
  offset: number,
  code: number,
  particleType: number,
  name: string,
  value: Uint8Array,
): number {
  target.writeUInt32BE(OPERATION_SIZE_BASE + name.length + value.length, offset)
  target[offset + 4] = code
  target[offset + 5] = particleType
  target[offset + 6] = 0
  target[offset + 7] = name.length
  let at = offset + OPERATION_HEADER_BYTES
  // Names are so short that a call into native code would cost more than the loop.
  for (let character = 0; character < name.length; character++) target[at++] = name.charCodeAt(character)
  if (value.length > 0) target.set(value, at)
  return at + value.length
}

/** The bytes one operation takes: for sizing a buffer beforehand. */
export function operationBytes(name: string, value: Uint8Array): number {
  return OPERATION_HEADER_BYTES + name.length + value.length
}

/** A whole message, without the frame around it. */
export function encodeMessage(message: MessageInit): Buffer {
  const writer = new ByteWriter()
  const { fields = [], operations = [] } = message
  writeMessageHeader(writer, { ...message, fieldCount: fields.length, operationCount: operations.length })
  for (const field of fields) writeField(writer, field.type, field.data)
  for (const { code, particleType, name, value } of operations) {
    writeOperation(writer, code, particleType, name, value)
  }
  return writer.view()
}
