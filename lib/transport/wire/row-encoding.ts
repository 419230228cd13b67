import { InvalidArgumentError } from '../../errors/index.ts'
import {
  BATCH_ROW_FLAGS,
  type ByteWriter,
  DIGEST_BYTES,
  FIELD_TYPES,
  INFO1,
  INFO2,
  INFO3,
  OPERATION_CODES,
  PARTICLE_TYPES,
  writeListHeader,
} from '../../protocol/index.ts'
import { checkArguments } from '../check-arguments.ts'
import { checkOperationCount } from '../operation-count.ts'
import type { ExecuteRow } from '../statement.ts'
import type { ApplyRow, BatchRow, ExistsPolicy, ReadRow, WriteRow } from '../transport.ts'
import { filterBytes } from './filter-encoding.ts'
import { OperationEncoder } from './operation-encoding.ts'
import { compileStatement, writePart } from './statement-encoding.ts'
import { beginOperation, endOperation, setUint32, writeElement } from './value-encoding.ts'

// A row of a batch request (protocol 6.1):
//
//   u32 index · digest (20) · u8 row flags · u8 info1 · u8 info2 · u8 info3 · [writes: u16 generation] · u32 ttl
//   u16 number of fields · u16 number of operations · fields: namespace, set, … · operations

const INDEX_BYTES = 4
const FLAGS_AT = INDEX_BYTES + DIGEST_BYTES
const FULL_HEAD_BYTES = FLAGS_AT + 1 + 3 + 4 + 2 + 2
const FIELD_HEADER_BYTES = 5

const READ_FLAGS = BATCH_ROW_FLAGS.INFO | BATCH_ROW_FLAGS.TTL

/** The server takes it for "the namespace's default", which the store requires to be 0 (semantics 1.1). */
const DEFAULT_TTL = 0
/** The server refuses more than ten years. */
const TTL_SECONDS_MAX = 10 * 365 * 24 * 60 * 60

const EXISTS_INFO2 = {
  any: INFO2.WRITE,
  'create-only': INFO2.WRITE | INFO2.CREATE_ONLY,
  'update-only': INFO2.WRITE,
} as const satisfies Record<ExistsPolicy, number>

/** Writes the rows of one request, one after another. */
export class RowEncoder {
  readonly #writer: ByteWriter
  readonly #namespace: Buffer
  /** The fields that every row of a set begins with. */
  readonly #setFields = new Map<string, Buffer>()
  readonly #operations: OperationEncoder
  #previous: BatchRow | undefined
  /** The request has the filter of all its rows, so that none of them has it. */
  #filterIsShared = false

  constructor(writer: ByteWriter, namespace: string) {
    this.#writer = writer
    this.#operations = new OperationEncoder(writer)
    this.#namespace = field(FIELD_TYPES.NAMESPACE, Buffer.from(namespace))
  }

  /** The next row is the first one of a request. */
  begin(): void {
    this.#previous = undefined
    this.#filterIsShared = false
    this.#operations.begin()
  }

  /**
   * Writes the filter of this row as a field of the request: all its rows have the same, which a server then compiles
   * once instead of once for each.
   */
  sharedFilter(row: BatchRow): void {
    this.#filter(row)
    this.#filterIsShared = true
  }

  /**
   * @param index goes with the answer
   * @param digest a character for each byte
   * @throws InvalidArgumentError for values that no bin can hold; what was written of the row has no meaning
   */
  row(row: BatchRow, index: number, digest: string): void {
    const previous = this.#previous
    if (previous !== undefined && isRepeated(previous, row)) {
      this.#head(index, digest, BATCH_ROW_FLAGS.REPEAT, FLAGS_AT + 1)
      return
    }
    this.#previous = row
    switch (row.kind) {
      case 'read':
        this.#read(row, index, digest)
        return
      case 'write':
        this.#write(row, index, digest)
        return
      case 'execute':
        this.#execute(row, index, digest)
        return
      case 'apply':
        this.#apply(row, index, digest)
        return
      case 'remove': {
        const at = this.#fullHead(index, digest, {
          info2: INFO2.WRITE | INFO2.DELETE,
          info3: row.relaxedCommit === true ? INFO3.COMMIT_LEVEL_MASTER : 0,
        })
        this.#counts(at, this.#fields(row), 0)
      }
    }
  }

  #read(row: ReadRow, index: number, digest: string): void {
    const { bins } = row
    const info1 = bins === 'all' ? INFO1.GET_ALL : bins.length === 0 ? INFO1.GET_NO_BINS : 0
    const at = this.#fullHead(index, digest, { flags: READ_FLAGS, info1: INFO1.READ | info1 })
    this.#counts(at, this.#fields(row), bins === 'all' ? 0 : bins.length)
    if (bins === 'all') return
    for (const bin of bins) {
      endOperation(this.#writer, beginOperation(this.#writer, OPERATION_CODES.READ, PARTICLE_TYPES.NULL, bin))
    }
  }

  #write(row: WriteRow, index: number, digest: string): void {
    const at = this.#fullHead(index, digest, {
      info2: EXISTS_INFO2[row.exists],
      info3: row.exists === 'update-only' ? INFO3.UPDATE_ONLY : 0,
      ttl: row.ttlSeconds === undefined ? DEFAULT_TTL : checkedTtl(row.ttlSeconds),
    })
    this.#counts(at, this.#fields(row), row.operations.length)
    this.#operations.write(row.operations)
  }

  #execute(row: ExecuteRow, index: number, digest: string): void {
    checkArguments(row.statement, row.args)
    const { exists } = row.statement
    const statement = compileStatement(row.statement)
    const at = this.#fullHead(index, digest, {
      info1: statement.hasReads ? INFO1.READ : 0,
      info2: EXISTS_INFO2[exists],
      info3: exists === 'update-only' ? INFO3.UPDATE_ONLY : 0,
    })
    const fields = this.#fields(row)
    writePart(this.#writer, statement.operations, row.args)
    this.#counts(at, fields, statement.operationCount)
  }

  #apply(row: ApplyRow, index: number, digest: string): void {
    const writer = this.#writer
    const at = this.#fullHead(index, digest, { info2: INFO2.WRITE })
    const fields = this.#fields(row)
    this.#textField(FIELD_TYPES.UDF_MODULE, row.module)
    this.#textField(FIELD_TYPES.UDF_FUNCTION, row.function)
    const start = writer.reserve(FIELD_HEADER_BYTES)
    writeListHeader(writer, row.args.length)
    for (const argument of row.args) writeElement(writer, argument, 1)
    setUint32(writer.buffer, start, writer.length - start - 4)
    writer.buffer[start + 4] = FIELD_TYPES.UDF_ARGUMENTS
    this.#counts(at, fields + 3, 0)
  }

  /** @returns where the row begins */
  #head(index: number, digest: string, flags: number, bytes: number): number {
    const at = this.#writer.reserve(bytes)
    const { buffer } = this.#writer
    setUint32(buffer, at, index)
    buffer.write(digest, at + INDEX_BYTES, 'latin1')
    buffer[at + FLAGS_AT] = flags
    return at
  }

  #fullHead(
    index: number,
    digest: string,
    {
      flags = READ_FLAGS,
      info1 = 0,
      info2 = 0,
      info3 = 0,
      ttl = DEFAULT_TTL,
    }: { flags?: number; info1?: number; info2?: number; info3?: number; ttl?: number },
  ): number {
    const at = this.#head(index, digest, flags, FULL_HEAD_BYTES)
    const { buffer } = this.#writer
    buffer[at + FLAGS_AT + 1] = info1
    buffer[at + FLAGS_AT + 2] = info2
    buffer[at + FLAGS_AT + 3] = info3
    setUint32(buffer, at + FLAGS_AT + 4, ttl)
    return at
  }

  #counts(rowStart: number, fields: number, operations: number): void {
    checkOperationCount(operations)
    const at = rowStart + FULL_HEAD_BYTES - 4
    setUint32(this.#writer.buffer, at, (fields << 16) | operations)
  }

  /** Namespace, set and, where the request does not have it, the filter. @returns how many they are */
  #fields(row: BatchRow): number {
    const { set } = row.key
    let known = this.#setFields.get(set)
    if (known === undefined) {
      known = Buffer.concat([this.#namespace, field(FIELD_TYPES.SET, Buffer.from(set))])
      this.#setFields.set(set, known)
    }
    this.#writer.bytes(known)
    return this.#filterIsShared ? 2 : 2 + this.#filter(row)
  }

  /** @returns how many fields: 0 where the row has no filter */
  #filter(row: BatchRow): number {
    if (row.kind === 'execute') {
      const { filter } = compileStatement(row.statement)
      if (filter === undefined) return 0
      writePart(this.#writer, filter, row.args)
      return 1
    }
    if (row.filter === undefined) return 0
    const bytes = filterBytes(row.filter)
    this.#fieldHeader(FIELD_TYPES.FILTER, bytes.length)
    this.#writer.bytes(bytes)
    return 1
  }

  #textField(type: number, text: string): void {
    const bytes = Buffer.byteLength(text)
    this.#fieldHeader(type, bytes)
    const at = this.#writer.reserve(bytes)
    this.#writer.buffer.write(text, at)
  }

  #fieldHeader(type: number, bytes: number): void {
    const at = this.#writer.reserve(FIELD_HEADER_BYTES)
    setUint32(this.#writer.buffer, at, bytes + 1)
    this.#writer.buffer[at + 4] = type
  }
}

/**
 * Whether a row is the last full one with another key, so that 25 bytes tell all of it: what callers share from
 * row to row, names of bins and arguments, are the same arrays.
 */
function isRepeated(previous: BatchRow, row: BatchRow): boolean {
  if (previous.key.set !== row.key.set || previous.filter !== row.filter) return false
  if (row.kind === 'execute')
    return previous.kind === 'execute' && previous.statement === row.statement && previous.args === row.args
  if (row.kind === 'read') return previous.kind === 'read' && previous.bins === row.bins
  if (row.kind === 'remove') return previous.kind === 'remove' && previous.relaxedCommit === row.relaxedCommit
  return (
    row.kind === 'apply' &&
    previous.kind === 'apply' &&
    previous.args === row.args &&
    previous.function === row.function &&
    previous.module === row.module
  )
}

function field(type: number, data: Uint8Array): Buffer {
  const bytes = Buffer.alloc(FIELD_HEADER_BYTES + data.length)
  setUint32(bytes, 0, data.length + 1)
  bytes[4] = type
  bytes.set(data, FIELD_HEADER_BYTES)
  return bytes
}

function checkedTtl(ttlSeconds: number): number {
  if (!Number.isSafeInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > TTL_SECONDS_MAX)
    throw new InvalidArgumentError('ttlSeconds', `a whole number from 1 to ${TTL_SECONDS_MAX}`, ttlSeconds)
  return ttlSeconds
}
