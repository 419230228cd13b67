import { InvalidArgumentError } from '../../errors/index.ts'
import {
  type ByteWriter,
  OPERATION_CODES,
  PARTICLE_TYPES,
  writeInteger,
  writeListHeader,
} from '../../protocol/index.ts'
import type { WriteOperation } from '../transport.ts'
import {
  beginOperation,
  endOperation,
  writeBinOperation,
  writeElement,
  writeMapKey,
} from './value-encoding.ts'

/** Opcodes of list and map operations (protocol 8.4, 8.5). */
const APPEND = 1
const REMOVE_ALL_BY_VALUE = 35
const MAP_PUT = 67
const MAP_PUT_ITEMS = 68
const MAP_REMOVE_BY_KEY = 76
const MAP_REMOVE_BY_KEY_LIST = 81
const ADD_UNIQUE_NO_FAIL = 1 | 4
const UNORDERED = 0
const KEY_ORDERED = 1
const RETURN_NONE = 0
const NO_FLAGS = 0

/**
 * Writes the operations of write rows, one row after another. New records are alike in most of their bins: an operation
 * that the row before has at the same place, as the same object, is copied from there.
 */
export class OperationEncoder {
  readonly #writer: ByteWriter
  #previous: readonly WriteOperation[] = []
  /** Where in the request each operation of the row before begins, and where the last one ends. */
  #starts: number[] = []
  /** The same of this row; the two arrays change places with every row. */
  #nextStarts: number[] = []

  constructor(writer: ByteWriter) {
    this.#writer = writer
  }

  /** The next row is the first one of a request. */
  begin(): void {
    this.#previous = []
  }

  /** @throws InvalidArgumentError for values that no bin can hold; what was written of the row has no meaning */
  write(operations: readonly WriteOperation[]): void {
    const previous = this.#previous
    const starts = this.#nextStarts
    let place = 0
    while (place < operations.length) {
      const operation = operations[place] as WriteOperation // a place of these operations
      if (operation === previous[place]) place = this.#copy(operations, place)
      else {
        starts[place] = this.#writer.length
        writeOperation(this.#writer, operation)
        place += 1
      }
    }
    starts[place] = this.#writer.length
    this.#nextStarts = this.#starts
    this.#starts = starts
    this.#previous = operations
  }

  /** Copies as many as are the same from here on. @returns the place behind them */
  #copy(operations: readonly WriteOperation[], place: number): number {
    const previous = this.#previous
    const from = this.#starts
    const to = this.#nextStarts
    const start = from[place] as number // all three: of an operation that was written
    const moved = this.#writer.length - start
    let end = place
    for (; end < operations.length && operations[end] === previous[end]; end++)
      to[end] = (from[end] as number) + moved
    const stop = from[end] as number
    const at = this.#writer.reserve(stop - start)
    this.#writer.buffer.copyWithin(at, start, stop)
    return end
  }
}

function writeOperation(writer: ByteWriter, operation: WriteOperation): void {
  switch (operation.kind) {
    case 'put':
      writeBinOperation(writer, OPERATION_CODES.WRITE, operation.bin, operation.value)
      return
    case 'unset':
      writeBinOperation(writer, OPERATION_CODES.WRITE, operation.bin, null)
      return
    case 'add':
      writeBinOperation(writer, OPERATION_CODES.INCREMENT, operation.bin, safeInteger(operation.value))
      return
    default: {
      const start = beginOperation(writer, OPERATION_CODES.CDT_MODIFY, PARTICLE_TYPES.BLOB, operation.bin)
      writeCollectionChange(writer, operation)
      endOperation(writer, start)
    }
  }
}

type CollectionChange = Exclude<WriteOperation, { kind: 'put' | 'unset' | 'add' }>

function writeCollectionChange(writer: ByteWriter, operation: CollectionChange): void {
  switch (operation.kind) {
    case 'list-append-unique':
      writeListHeader(writer, 4)
      writeInteger(writer, APPEND)
      writeElement(writer, operation.value)
      writeInteger(writer, UNORDERED)
      writeInteger(writer, ADD_UNIQUE_NO_FAIL)
      return
    case 'list-remove-value':
      writeListHeader(writer, 3)
      writeInteger(writer, REMOVE_ALL_BY_VALUE)
      writeInteger(writer, RETURN_NONE)
      writeElement(writer, operation.value)
      return
    case 'map-put':
      writeListHeader(writer, 4)
      writeInteger(writer, MAP_PUT)
      writeMapKey(writer, operation.key)
      writeElement(writer, operation.value)
      writeInteger(writer, UNORDERED)
      return
    case 'map-remove':
      writeListHeader(writer, 3)
      writeInteger(writer, MAP_REMOVE_BY_KEY)
      writeInteger(writer, RETURN_NONE)
      writeMapKey(writer, operation.key)
      return
    case 'map-put-all':
      writeListHeader(writer, 4)
      writeInteger(writer, MAP_PUT_ITEMS)
      writeElement(writer, operation.entries)
      writeInteger(writer, KEY_ORDERED)
      writeInteger(writer, NO_FLAGS)
      return
    case 'map-remove-all':
      writeListHeader(writer, 3)
      writeInteger(writer, MAP_REMOVE_BY_KEY_LIST)
      writeInteger(writer, RETURN_NONE)
      writeElement(writer, operation.keys)
  }
}

function safeInteger(value: number | bigint): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new InvalidArgumentError('addend', 'a safe integer', value)
  return number
}
