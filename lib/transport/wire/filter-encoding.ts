import { InvalidArgumentError } from '../../errors/index.ts'
import { ByteWriter, writeBytesHeader, writeInteger, writeListHeader } from '../../protocol/index.ts'
import type { Comparison, Filter, FilterValue } from '../filter.ts'
import { writeElement } from './value-encoding.ts'

/** Opcodes of expressions (protocol 9.2). */
const OPCODES = { and: 16, or: 17, not: 18, add: 20, bin: 81, binType: 82, call: 127 } as const

const COMPARISONS = {
  eq: 1,
  ne: 2,
  gt: 3,
  ge: 4,
  lt: 5,
  le: 6,
} as const satisfies Record<Comparison, number>

/** Result types of expressions (protocol 9.1). */
const TYPES = { bool: 1, int: 2, string: 3, list: 4, blob: 6 } as const

/** Opcodes and return types of list operations (protocol 8.4, 8.6). */
const LIST_OPCODES = { size: 16, getByIndex: 19, getAllByValue: 22 } as const
const RETURN_TYPES = { count: 5, value: 7 } as const
const COLLECTION_MODULE = 0

const compiled = new WeakMap<Filter, Buffer>()

/**
 * The expression of a filter (protocol 9.1), compiled once for each filter object.
 *
 * @throws InvalidArgumentError for a combination of nothing, and for numbers that are no safe integers
 */
export function filterBytes(filter: Filter): Buffer {
  const known = compiled.get(filter)
  if (known !== undefined) return known
  const writer = new ByteWriter()
  writeFilter(writer, filter)
  const bytes = Buffer.from(writer.view())
  compiled.set(filter, bytes)
  return bytes
}

/** Writes what fills a hole of a statement, by its parameter. */
export type WriteHole = (writer: ByteWriter, parameter: number) => void

export function writeFilter(writer: ByteWriter, filter: Filter, hole: WriteHole = refuseHole): void {
  if ('and' in filter) writeCombined(writer, OPCODES.and, filter.and, hole)
  else if ('or' in filter) writeCombined(writer, OPCODES.or, filter.or, hole)
  else if ('not' in filter) {
    writeCall(writer, OPCODES.not, 1)
    writeFilter(writer, filter.not, hole)
  } else if ('binExists' in filter) {
    writeCall(writer, COMPARISONS.ne, 2)
    writeCall(writer, OPCODES.binType, 1)
    writeBinName(writer, filter.binExists)
    writeInteger(writer, 0)
  } else if ('noneExists' in filter) {
    writeNoneExists(writer, filter.noneExists)
  } else {
    writeCall(writer, COMPARISONS[filter.compare], 2)
    writeFilterValue(writer, filter.left, hole)
    writeFilterValue(writer, filter.right, hole)
  }
}

/** The type of a bin is 0 where it does not exist, and greater where it does. */
function writeNoneExists(writer: ByteWriter, bins: readonly string[]): void {
  if (bins.length === 0) throw new InvalidArgumentError('filter', 'at least one bin', bins)
  writeCall(writer, COMPARISONS.eq, 2)
  // A sum of one is fine for a server.
  writeCall(writer, OPCODES.add, bins.length)
  for (const bin of bins) {
    writeCall(writer, OPCODES.binType, 1)
    writeBinName(writer, bin)
  }
  writeInteger(writer, 0)
}

function refuseHole(_writer: ByteWriter, parameter: number): void {
  throw new InvalidArgumentError('filter value', 'a parameter that has an argument', parameter)
}

function writeCombined(
  writer: ByteWriter,
  opcode: number,
  filters: readonly Filter[],
  hole: WriteHole,
): void {
  const [only] = filters
  if (only === undefined) throw new InvalidArgumentError('filter', 'at least one condition', filters)
  // The server takes a combination of one for a malformed expression.
  if (filters.length === 1) {
    writeFilter(writer, only, hole)
    return
  }
  writeCall(writer, opcode, filters.length)
  for (const filter of filters) writeFilter(writer, filter, hole)
}

function writeCall(writer: ByteWriter, opcode: number, argumentCount: number): void {
  writeListHeader(writer, argumentCount + 1)
  writeInteger(writer, opcode)
}

export function writeFilterValue(writer: ByteWriter, value: FilterValue, hole: WriteHole = refuseHole): void {
  switch (typeof value) {
    case 'number':
      if (!Number.isSafeInteger(value))
        throw new InvalidArgumentError('filter value', 'a safe integer or a bigint', value)
      writeInteger(writer, value)
      return
    case 'bigint':
    case 'boolean':
    case 'string':
      writeElement(writer, value)
      return
    default:
      if (value instanceof Uint8Array) writeElement(writer, value)
      else writeComputed(writer, value, hole)
  }
}

type Computed = Exclude<FilterValue, number | bigint | boolean | string | Uint8Array>

function writeComputed(writer: ByteWriter, value: Computed, hole: WriteHole): void {
  if ('parameter' in value) hole(writer, value.parameter)
  else if ('intBin' in value) writeTypedBin(writer, TYPES.int, value.intBin)
  else if ('blobBin' in value) writeTypedBin(writer, TYPES.blob, value.blobBin)
  else if ('boolBin' in value) writeTypedBin(writer, TYPES.bool, value.boolBin)
  else if ('stringBin' in value) writeTypedBin(writer, TYPES.string, value.stringBin)
  else if ('sum' in value) {
    writeCall(writer, OPCODES.add, value.sum.length)
    for (const addend of value.sum) writeFilterValue(writer, addend, hole)
  } else if ('listSize' in value)
    writeListCall(writer, TYPES.int, value.listSize, () => {
      writeListHeader(writer, 1)
      writeInteger(writer, LIST_OPCODES.size)
    })
  else if ('listBlob' in value)
    writeListCall(writer, TYPES.blob, value.listBlob, () => {
      writeListHeader(writer, 3)
      writeInteger(writer, LIST_OPCODES.getByIndex)
      writeInteger(writer, RETURN_TYPES.value)
      writeFilterValue(writer, value.index, hole)
    })
  else
    writeListCall(writer, TYPES.int, value.listCount, () => {
      writeListHeader(writer, 3)
      writeInteger(writer, LIST_OPCODES.getAllByValue)
      writeInteger(writer, RETURN_TYPES.count)
      writeFilterValue(writer, value.of, hole)
    })
}

/** `[call, result type, module, [opcode, …], list bin]` (protocol 9.3) */
function writeListCall(writer: ByteWriter, resultType: number, bin: string, operation: () => void): void {
  writeCall(writer, OPCODES.call, 4)
  writeInteger(writer, resultType)
  writeInteger(writer, COLLECTION_MODULE)
  operation()
  writeTypedBin(writer, TYPES.list, bin)
}

function writeTypedBin(writer: ByteWriter, type: number, bin: string): void {
  writeCall(writer, OPCODES.bin, 2)
  writeInteger(writer, type)
  writeBinName(writer, bin)
}

/** Names in expressions are strings without a type before them (protocol 8.1). */
function writeBinName(writer: ByteWriter, bin: string): void {
  const name = Buffer.from(bin)
  writeBytesHeader(writer, name.length)
  writer.bytes(name)
}
