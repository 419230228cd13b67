import { InvalidArgumentError } from '../../errors/index.ts'
import {
  ByteWriter,
  FIELD_TYPES,
  OPERATION_CODES,
  PARTICLE_TYPES,
  writeBytesHeader,
  writeInteger,
  writeListHeader,
  writeNil,
} from '../../protocol/index.ts'
import type { Filter } from '../filter.ts'
import type { ExecuteRow, StatementOperation, StatementValue, WriteStatement } from '../statement.ts'
import { writeFilter, writeFilterValue } from './filter-encoding.ts'
import {
  beginOperation,
  endOperation,
  setInt64,
  setUint32,
  writeBinOperation,
  writeElement,
} from './value-encoding.ts'

/** Opcodes of list operations and expressions (protocol 8.4, 9.2). */
const LIST_APPEND = 1
const LIST_SET = 9
const CONDITION = 123
const UNKNOWN = 0

/** Nil deletes the bin (protocol 9.5). */
const ALLOW_DELETE = 4
/** Where no case is met the bin is left as it is. Without this flag the operation fails, and the whole write with it. */
const EVAL_NO_FAIL = 16

const INTEGER_BYTES = 8
/** The first byte of a msgpack integer of 64 bits: holes are of one width, whatever fills them. */
const INT64_ELEMENT = 0xd3

interface Hole {
  /** Offset in the bytes of its part. */
  readonly at: number
  readonly parameter: number
}

/** Bytes that all rows of a statement share, with holes. */
export interface StatementPart {
  readonly bytes: Buffer
  readonly holes: readonly Hole[]
}

/** What of a row stands behind its namespace and set. */
export interface CompiledStatement {
  /** The field of the filter, where there is one. */
  readonly filter: StatementPart | undefined
  readonly operations: StatementPart
  readonly operationCount: number
  readonly hasReads: boolean
}

const compiled = new WeakMap<WriteStatement, CompiledStatement>()

/** Compiles a statement once; it is a constant of the program. @throws InvalidArgumentError */
export function compileStatement(statement: WriteStatement): CompiledStatement {
  const known = compiled.get(statement)
  if (known !== undefined) return known
  const result = new StatementCompiler(statement).compile()
  compiled.set(statement, result)
  return result
}

/** Appends a part with its holes filled by a row's arguments, which `checkArguments` has seen. */
export function writePart(
  writer: ByteWriter,
  { bytes, holes }: StatementPart,
  args: ExecuteRow['args'],
): void {
  const start = writer.reserve(bytes.length)
  const { buffer } = writer
  buffer.set(bytes, start)
  for (let index = 0; index < holes.length; index++) {
    const { at, parameter } = holes[index] as Hole // one of these holes
    const argument = args[parameter] as number | Uint8Array // there, for checkArguments has counted
    if (typeof argument === 'number') setInt64(buffer, start + at, argument)
    else buffer.set(argument, start + at)
  }
}

class StatementCompiler {
  readonly #statement: WriteStatement
  #writer = new ByteWriter()
  #holes: Hole[] = []

  constructor(statement: WriteStatement) {
    this.#statement = statement
  }

  compile(): CompiledStatement {
    const { filter, operations } = this.#statement
    return {
      filter: filter === undefined ? undefined : this.#part(() => this.#filterField(filter)),
      operations: this.#part(() => {
        for (const operation of operations) this.#operation(operation)
      }),
      operationCount: operations.length,
      hasReads: operations.some(({ kind }) => kind === 'read'),
    }
  }

  #part(write: () => void): StatementPart {
    this.#writer = new ByteWriter()
    this.#holes = []
    write()
    return { bytes: Buffer.from(this.#writer.view()), holes: this.#holes }
  }

  #filterField(filter: Filter): void {
    const start = this.#writer.reserve(5)
    writeFilter(this.#writer, filter, this.#elementHole)
    setUint32(this.#writer.buffer, start, this.#writer.length - start - 4)
    this.#writer.buffer[start + 4] = FIELD_TYPES.FILTER
  }

  #operation(operation: StatementOperation): void {
    const { bin } = operation
    switch (operation.kind) {
      case 'put':
        this.#put(bin, operation.value)
        return
      case 'unset':
        writeBinOperation(this.#writer, OPERATION_CODES.WRITE, bin, null)
        return
      case 'read':
        this.#within(OPERATION_CODES.READ, PARTICLE_TYPES.NULL, bin, () => {})
        return
      case 'list-set':
        this.#collection(bin, 3, LIST_SET, () => {
          if (typeof operation.index === 'number') writeInteger(this.#writer, operation.index)
          else this.#elementHole(this.#writer, operation.index.parameter)
          this.#element(operation.value)
        })
        return
      case 'list-append':
        this.#collection(bin, 2, LIST_APPEND, () => this.#element(operation.value))
        return
      case 'choose':
        this.#within(OPERATION_CODES.EXPRESSION_MODIFY, PARTICLE_TYPES.BLOB, bin, () =>
          this.#choice(operation),
        )
    }
  }

  #within(code: number, particleType: number, bin: string, write: () => void): void {
    const start = beginOperation(this.#writer, code, particleType, bin)
    write()
    endOperation(this.#writer, start)
  }

  #collection(bin: string, elements: number, opcode: number, write: () => void): void {
    this.#within(OPERATION_CODES.CDT_MODIFY, PARTICLE_TYPES.BLOB, bin, () => {
      writeListHeader(this.#writer, elements)
      writeInteger(this.#writer, opcode)
      write()
    })
  }

  /** `[[cond, when, result, …, unknown], flags]` */
  #choice({ cases, otherwise }: Extract<StatementOperation, { kind: 'choose' }>): void {
    const writer = this.#writer
    writeListHeader(writer, 2)
    writeListHeader(writer, 2 * cases.length + 2)
    writeInteger(writer, CONDITION)
    for (const { when, result } of cases) {
      writeFilter(writer, when, this.#elementHole)
      if (result === 'delete') writeNil(writer)
      else writeFilterValue(writer, result, this.#elementHole)
    }
    writeListHeader(writer, 1)
    writeInteger(writer, UNKNOWN)
    writeInteger(writer, otherwise === 'refuse' ? ALLOW_DELETE : ALLOW_DELETE | EVAL_NO_FAIL)
  }

  /** A write of a whole bin, whose value is a particle. */
  #put(bin: string, value: StatementValue): void {
    const { WRITE } = OPERATION_CODES
    if ('constant' in value) writeBinOperation(this.#writer, WRITE, bin, value.constant)
    else if ('joined' in value) {
      this.#within(WRITE, PARTICLE_TYPES.BLOB, bin, () => {
        for (const { parameter } of value.joined) this.#bytesHole(parameter)
      })
    } else if ('list' in value) this.#within(WRITE, PARTICLE_TYPES.LIST, bin, () => this.#element(value))
    else if (this.#parameter(value.parameter).type === 'int')
      this.#within(WRITE, PARTICLE_TYPES.INTEGER, bin, () => this.#hole(value.parameter, INTEGER_BYTES))
    else this.#within(WRITE, PARTICLE_TYPES.BLOB, bin, () => this.#bytesHole(value.parameter))
  }

  #element(value: StatementValue): void {
    if ('constant' in value) writeElement(this.#writer, value.constant)
    else if ('joined' in value) {
      const bytes = value.joined.reduce((sum, { parameter }) => sum + this.#blobBytes(parameter), 0)
      this.#blobHeader(bytes)
      for (const { parameter } of value.joined) this.#bytesHole(parameter)
    } else if ('list' in value) {
      writeListHeader(this.#writer, value.list.length)
      for (const { parameter } of value.list) this.#elementHole(this.#writer, parameter)
    } else this.#elementHole(this.#writer, value.parameter)
  }

  readonly #elementHole = (writer: ByteWriter, parameter: number): void => {
    if (this.#parameter(parameter).type === 'int') {
      writer.uint8(INT64_ELEMENT)
      this.#hole(parameter, INTEGER_BYTES)
      return
    }
    this.#blobHeader(this.#blobBytes(parameter))
    this.#bytesHole(parameter)
  }

  #blobHeader(bytes: number): void {
    writeBytesHeader(this.#writer, bytes + 1)
    this.#writer.uint8(PARTICLE_TYPES.BLOB)
  }

  #bytesHole(parameter: number): void {
    this.#hole(parameter, this.#blobBytes(parameter))
  }

  #hole(parameter: number, bytes: number): void {
    const at = this.#writer.reserve(bytes)
    this.#writer.buffer.fill(0, at, at + bytes)
    this.#holes.push({ at, parameter })
  }

  #blobBytes(parameter: number): number {
    const declared = this.#parameter(parameter)
    if (declared.type === 'blob') return declared.bytes
    throw new InvalidArgumentError(
      `parameter ${parameter} of ${this.#statement.name}`,
      'a blob',
      declared.type,
    )
  }

  #parameter(index: number): WriteStatement['parameters'][number] {
    const declared = this.#statement.parameters[index]
    if (declared !== undefined) return declared
    throw new InvalidArgumentError('parameter', `one that ${this.#statement.name} declares`, index)
  }
}
