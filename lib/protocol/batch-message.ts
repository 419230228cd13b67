import { ByteWriter } from './byte-writer.ts'
import { DIGEST_BYTES } from './digest.ts'
import { EncodedOperations } from './encoded-operations.ts'
import { FIELD_TYPES } from './field-types.ts'
import {
  decodeFields,
  type Field,
  type OperationInit,
  skipFields,
  skipOperations,
  writeField,
  writeOperation,
} from './message.ts'
import { BATCH_ROW_FLAGS, INFO1 } from './message-flags.ts'
import { ProtocolError } from './protocol-error.ts'

// The data of a batch field (protocol 6.1). All integers are big-endian.
//
//   request:  u32 number of rows · u8 flags (BATCH_FLAGS) · rows
//   row:      u32 index · digest (20) · u8 row flags (BATCH_ROW_FLAGS)
//             with REPEAT nothing follows: the row is the last full one with another digest
//             u8 info1 · [INFO: u8 info2 · u8 info3] · [INFO4: u8 info4] · [GENERATION: u16] · [TTL: u32]
//             u16 number of fields · u16 number of operations · fields (namespace first) · operations

const BATCH_HEADER_BYTES = 5
const REPEAT_ROW_BYTES = 25
/** A field or an operation begins with the size of what follows. */
const PART_SIZE_BYTES = 4
/** Bits of info1 that mean nothing in a row. */
const ROW_INFO1_MASK = 0xff & ~(INFO1.XDR | INFO1.COMPRESS_RESPONSE)

/** Everything of a row that rows with REPEAT share. */
export interface BatchRowTemplate {
  readonly info1: number
  readonly info2: number
  readonly info3: number
  readonly info4: number
  readonly generation: number
  /** Seconds to live; in reads the read-touch percentage. */
  readonly recordTtl: number
  readonly fields: readonly Field[]
  readonly operations: EncodedOperations
}

export interface BatchRow {
  /** Position in the caller's array; the reply carries it as transaction ttl. */
  readonly index: number
  readonly digest: Buffer
  /** One object for a full row and the REPEAT rows after it. */
  readonly template: BatchRowTemplate
}

interface RowHead extends Omit<BatchRowTemplate, 'fields' | 'operations'> {
  readonly fieldCount: number
  readonly operationCount: number
  /** Offset of the first field. */
  readonly fieldsStart: number
}

/**
 * The rows of a batch request, decoded one at a time: a request may repeat five million rows of 25 bytes,
 * and a server that turned them all into objects at once would pay a hundred times that.
 */
export class BatchRequest {
  readonly rowCount: number
  /** BATCH_FLAGS */
  readonly flags: number
  /** The namespaces that rows name, each with the place of the first row that does. */
  readonly namespaces: ReadonlyMap<string, number>
  readonly #data: Buffer

  /**
   * Checks the structure of all rows, so that iterating never fails half way.
   *
   * Row flags without a meaning and bytes behind the last row are passed over, as the server does.
   *
   * @throws ProtocolError when there is no row, fewer rows than announced, the first field of a row is not
   *   the namespace, or a REPEAT row follows no row or one with a user key.
   */
  constructor(data: Buffer) {
    if (data.length < BATCH_HEADER_BYTES) throw new ProtocolError('batch shorter than its header')
    this.#data = data
    this.rowCount = data.readUInt32BE(0)
    this.flags = data.readUInt8(4)
    if (this.rowCount === 0) throw new ProtocolError('batch without rows')
    if (this.rowCount > (data.length - BATCH_HEADER_BYTES) / REPEAT_ROW_BYTES) {
      throw new ProtocolError(`batch of ${this.rowCount} rows in ${data.length} bytes`)
    }
    this.namespaces = this.#checkRows()
  }

  #checkRows(): Map<string, number> {
    const namespaces = new Map<string, number>()
    let at = BATCH_HEADER_BYTES
    let repeatable = false
    for (let row = 0; row < this.rowCount; row++) {
      const flags = rowFlags(this.#data, at)
      if ((flags & BATCH_ROW_FLAGS.REPEAT) !== 0) {
        if (!repeatable) throw new ProtocolError('row of a batch repeats none, or one with a user key')
        at += REPEAT_ROW_BYTES
        continue
      }
      const head = decodeRowHead(this.#data, at, flags)
      const operationsStart = skipFields(this.#data, head.fieldsStart, head.fieldCount)
      const namespace = this.#firstNamespace(head)
      if (!namespaces.has(namespace)) namespaces.set(namespace, row)
      repeatable = !this.#hasField(head, FIELD_TYPES.USER_KEY)
      at = skipOperations(this.#data, operationsStart, head.operationCount)
    }
    return namespaces
  }

  #firstNamespace({ fieldsStart }: RowHead): string {
    const [field] = decodeFields(this.#data, fieldsStart, 1)
    if (field?.type !== FIELD_TYPES.NAMESPACE) {
      throw new ProtocolError('row of a batch without a namespace first')
    }
    return field.data.toString('latin1')
  }

  #hasField({ fieldsStart, fieldCount }: RowHead, type: number): boolean {
    let at = fieldsStart
    for (let left = fieldCount; left > 0; left--) {
      if (this.#data.readUInt8(at + 4) === type) return true
      at += 4 + this.#data.readUInt32BE(at)
    }
    return false
  }

  *rows(): Generator<BatchRow, void> {
    let at = BATCH_HEADER_BYTES
    let template: BatchRowTemplate | undefined
    for (let row = 0; row < this.rowCount; row++) {
      const index = this.#data.readUInt32BE(at)
      const digest = this.#data.subarray(at + 4, at + 4 + DIGEST_BYTES)
      const flags = rowFlags(this.#data, at)
      if ((flags & BATCH_ROW_FLAGS.REPEAT) !== 0 && template !== undefined) {
        at += REPEAT_ROW_BYTES
      } else {
        template = decodeTemplate(this.#data, decodeRowHead(this.#data, at, flags))
        at = template.operations.end
      }
      yield { index, digest, template }
    }
  }
}

function rowFlags(data: Buffer, rowStart: number): number {
  if (data.length - rowStart < REPEAT_ROW_BYTES)
    throw new ProtocolError('fewer rows than the batch announces')
  return data.readUInt8(rowStart + 4 + DIGEST_BYTES)
}

function decodeRowHead(data: Buffer, rowStart: number, flags: number): RowHead {
  const hasInfo = (flags & BATCH_ROW_FLAGS.INFO) !== 0
  const info = rowStart + REPEAT_ROW_BYTES
  const info4 = info + (hasInfo ? 3 : 1)
  const generation = info4 + ((flags & BATCH_ROW_FLAGS.INFO4) === 0 ? 0 : 1)
  const ttl = generation + ((flags & BATCH_ROW_FLAGS.GENERATION) === 0 ? 0 : 2)
  const counts = ttl + ((flags & BATCH_ROW_FLAGS.TTL) === 0 ? 0 : 4)
  const fieldsStart = counts + 4
  if (fieldsStart > data.length) throw new ProtocolError('row of a batch runs past its end')
  return {
    info1: data.readUInt8(info) & ROW_INFO1_MASK,
    info2: hasInfo ? data.readUInt8(info + 1) : 0,
    info3: hasInfo ? data.readUInt8(info + 2) : 0,
    info4: generation > info4 ? data.readUInt8(info4) : 0,
    generation: ttl > generation ? data.readUInt16BE(generation) : 0,
    recordTtl: counts > ttl ? data.readUInt32BE(ttl) : 0,
    // A row always has its namespace, so a count of 0 is read as 1.
    fieldCount: Math.max(1, data.readUInt16BE(counts)),
    operationCount: data.readUInt16BE(counts + 2),
    fieldsStart,
  }
}

/** What follows the head of a row that was checked. */
function decodeTemplate(data: Buffer, head: RowHead): BatchRowTemplate {
  const { fieldsStart, fieldCount, operationCount } = head
  const operationsStart = partsEnd(data, fieldsStart, fieldCount)
  const operationsEnd = partsEnd(data, operationsStart, operationCount)
  return {
    info1: head.info1,
    info2: head.info2,
    info3: head.info3,
    info4: head.info4,
    generation: head.generation,
    recordTtl: head.recordTtl,
    fields: decodeFields(data, fieldsStart, fieldCount),
    operations: new EncodedOperations(data, operationsStart, operationsEnd, operationCount),
  }
}

/** The offset behind `count` fields or operations that are known to be whole. */
function partsEnd(data: Buffer, offset: number, count: number): number {
  let at = offset
  for (let left = count; left > 0; left--) at += PART_SIZE_BYTES + data.readUInt32BE(at)
  return at
}

/** A row to send. With `repeat` only the digest counts: the rest is the last full row's. */
export type BatchRowInit =
  | { readonly digest: Uint8Array; readonly repeat: true }
  | {
      readonly digest: Uint8Array
      readonly repeat?: false
      readonly info1?: number
      readonly info2?: number
      readonly info3?: number
      readonly generation?: number
      readonly recordTtl?: number
      /** The first one must be the namespace. */
      readonly fields: readonly { readonly type: number; readonly data: Uint8Array }[]
      readonly operations?: readonly OperationInit[]
    }

/**
 * The data of a batch field. The index of a row is its position. The parts INFO, GENERATION and TTL are
 * written where the row has the members: `info2` or `info3`, `generation`, `recordTtl`.
 */
export function encodeBatch(rows: readonly BatchRowInit[], flags: number): Buffer {
  const writer = new ByteWriter(64 * rows.length + BATCH_HEADER_BYTES)
  writer.uint32(rows.length).uint8(flags)
  rows.forEach((row, index) => {
    writer.uint32(index).bytes(row.digest)
    if (row.repeat === true) writer.uint8(BATCH_ROW_FLAGS.REPEAT)
    else encodeFullRow(writer, row)
  })
  return writer.view()
}

function encodeFullRow(writer: ByteWriter, row: Exclude<BatchRowInit, { repeat: true }>): void {
  const { operations = [] } = row
  const hasInfo = row.info2 !== undefined || row.info3 !== undefined
  writer.uint8(
    (hasInfo ? BATCH_ROW_FLAGS.INFO : 0) |
      (row.generation === undefined ? 0 : BATCH_ROW_FLAGS.GENERATION) |
      (row.recordTtl === undefined ? 0 : BATCH_ROW_FLAGS.TTL),
  )
  writer.uint8(row.info1 ?? 0)
  if (hasInfo) writer.uint8(row.info2 ?? 0).uint8(row.info3 ?? 0)
  if (row.generation !== undefined) writer.uint16(row.generation)
  if (row.recordTtl !== undefined) writer.uint32(row.recordTtl)
  writer.uint16(row.fields.length).uint16(operations.length)
  for (const field of row.fields) writeField(writer, field.type, field.data)
  for (const { code, particleType, name, value } of operations) {
    writeOperation(writer, code, particleType, name, value)
  }
}
