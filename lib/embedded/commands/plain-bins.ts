import {
  type ByteWriter,
  EncodedOperations,
  OPERATION_CODES,
  OPERATION_HEADER_BYTES,
  PARTICLE_TYPES,
} from '../../protocol/index.ts'
import { BIN_NAME_BYTES_MAX } from '../limits.ts'
import { isPlainList } from '../operations/plain-list.ts'
import type { EncodableBins } from '../storage/encodable-bins.ts'
import { storedBinsSizeBytes } from '../storage/record-size.ts'
import type { RecordRequest } from './record-request.ts'

/** More bins are compared with a map, which is not here. */
const BINS_MAX = 64

/** Places in an operation (protocol 3.3): u32 size of what follows, then these. */
const CODE = 4
const TYPE = 5
const NAME_BYTES = 7
const SIZE_BYTES = 4

/** The value bytes of types that have a fixed number. */
const INTEGER_BYTES = 8
const DOUBLE_BYTES = 8
const BOOLEAN_BYTES = 1

/** The names of the bins of one request: two that differ here differ. */
const nameMarks = new Uint32Array(BINS_MAX)

/**
 * The bins of a new record, as they were sent: a write of a bin is laid out as a stored bin is, but for its code. What
 * makes most records is so copied in one piece.
 */
export class PlainBins implements EncodableBins {
  readonly count: number
  readonly encodedBytes: number
  readonly #operations: EncodedOperations

  private constructor(operations: EncodedOperations) {
    this.#operations = operations
    this.count = operations.count
    this.encodedBytes = operations.end - operations.start
  }

  /**
   * The bins that the operations of a request write into a record that is not there. Undefined for a request that is
   * not known to do just that: planWrite and the operations themselves decide then what it does, or what is wrong.
   */
  static of({ operations }: RecordRequest): PlainBins | undefined {
    if (!(operations instanceof EncodedOperations)) return undefined
    const { source, start, end, count } = operations
    if (count === 0 || count > BINS_MAX) return undefined
    let at = start
    for (let index = 0; index < count; index++) {
      const next = at + SIZE_BYTES + source.readUInt32BE(at)
      if (source[at + CODE] !== OPERATION_CODES.WRITE) return undefined
      const nameBytes = source[at + NAME_BYTES] ?? 0
      const nameStart = at + OPERATION_HEADER_BYTES
      if (!isPlainParticle(source[at + TYPE] ?? 0, source, nameStart + nameBytes, next)) return undefined
      if (!isNewName(source, nameStart, nameBytes, index)) return undefined
      at = next
    }
    return at === end ? new PlainBins(operations) : undefined
  }

  get sizeBytes(): number {
    const { source, start, end } = this.#operations
    return storedBinsSizeBytes(source, start, end)
  }

  encodeInto(target: Buffer, offset: number): void {
    const { source, start, end } = this.#operations
    source.copy(target, offset, start, end)
    for (let at = offset, left = this.count; left > 0; left--) {
      target[at + CODE] = OPERATION_CODES.READ
      at += SIZE_BYTES + target.readUInt32BE(at)
    }
  }

  /** Appends what each of the operations answers when all have to: its name, and no value. */
  writeEmptyAnswers(writer: ByteWriter): void {
    const { source, start, end } = this.#operations
    for (let at = start; at < end; at += SIZE_BYTES + source.readUInt32BE(at)) {
      const nameBytes = source[at + NAME_BYTES] ?? 0
      const bytes = OPERATION_HEADER_BYTES + nameBytes
      const answer = writer.reserve(bytes)
      const { buffer } = writer
      buffer.writeUInt32BE(bytes - SIZE_BYTES, answer)
      buffer[answer + CODE] = OPERATION_CODES.WRITE
      buffer[answer + TYPE] = PARTICLE_TYPES.NULL
      buffer[answer + TYPE + 1] = 0
      // Names are so short that a call into native code would cost more than the loop.
      for (let place = NAME_BYTES; place < bytes; place++) buffer[answer + place] = source[at + place] ?? 0
    }
  }
}

/** Whether the value of a type is stored as it is. */
function isPlainParticle(type: number, source: Buffer, start: number, end: number): boolean {
  switch (type) {
    case PARTICLE_TYPES.INTEGER:
      return end - start === INTEGER_BYTES
    case PARTICLE_TYPES.DOUBLE:
      return end - start === DOUBLE_BYTES
    case PARTICLE_TYPES.BOOLEAN:
      return end - start === BOOLEAN_BYTES && (source[start] ?? 2) < 2
    case PARTICLE_TYPES.STRING:
    case PARTICLE_TYPES.BLOB:
      return true
    case PARTICLE_TYPES.LIST:
      return isPlainList(source, start, end)
    default:
      return false
  }
}

/** Whether a name is good, and certainly none of the `index` names that came before it. */
function isNewName(source: Buffer, start: number, bytes: number, index: number): boolean {
  if (bytes > BIN_NAME_BYTES_MAX) return false
  let mark = bytes
  for (let at = start; at < start + bytes; at++) {
    const byte = source[at] ?? 0
    if (byte === 0) return false
    mark = Math.imul(mark ^ byte, 0x01000193)
  }
  mark >>>= 0
  for (let other = 0; other < index; other++) if (nameMarks[other] === mark) return false
  nameMarks[index] = mark
  return true
}
