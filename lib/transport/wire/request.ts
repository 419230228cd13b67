import { InvalidArgumentError } from '../../errors/index.ts'
import {
  BATCH_FLAGS,
  ByteWriter,
  FIELD_TYPES,
  FRAME_BODY_BYTES_MAX,
  FRAME_HEADER_BYTES,
  FRAME_TYPES,
  INFO1,
  MESSAGE_HEADER_BYTES,
  writeFrameHeader,
} from '../../protocol/index.ts'
import type { BatchRow } from '../transport.ts'
import { RowEncoder } from './row-encoding.ts'
import { setUint32 } from './value-encoding.ts'

// frame header (8) · message header (22) · [shared filter] · field header (5) · u32 number of rows · u8 flags · rows

const FIELDS_AT = FRAME_HEADER_BYTES + MESSAGE_HEADER_BYTES
const BATCH_FIELD_HEAD_BYTES = 5 + 4 + 1

const FIRST_CAPACITY_BYTES = 64 * 1024
/** A request that grew beyond it gives its buffer back instead of keeping it for the next one. */
const CAPACITY_BYTES_KEPT = 1024 * 1024

const FLAGS = BATCH_FLAGS.INLINE_MEMORY | BATCH_FLAGS.RESPOND_ALL_KEYS | BATCH_FLAGS.REPORT_ERROR_ROWS

/** The bytes of one batch request, in a buffer that serves again and again. */
export class BatchRequestBytes {
  readonly #writer = new ByteWriter(FIRST_CAPACITY_BYTES)
  readonly #encoder: RowEncoder
  readonly #bytesMax: number
  #rowCount = 0
  #batchFieldAt = FIELDS_AT

  /** @param bodyBytesMax of the frame; beyond 128 MiB no server accepts it */
  constructor(namespace: string, bodyBytesMax = FRAME_BODY_BYTES_MAX) {
    this.#encoder = new RowEncoder(this.#writer, namespace)
    this.#bytesMax = FRAME_HEADER_BYTES + bodyBytesMax
  }

  /** Whether the buffer is of a size to be kept for another request. */
  get isReusable(): boolean {
    return this.#writer.buffer.length <= CAPACITY_BYTES_KEPT
  }

  /**
   * @param likeAll a row that has the filter that all rows of the request have; absent where they have different ones, or
   *   some of them none
   * @throws InvalidArgumentError for a filter that cannot be written
   */
  begin(likeAll?: BatchRow): void {
    this.#rowCount = 0
    this.#encoder.begin()
    this.#writer.truncate(0)
    const at = this.#writer.reserve(FIELDS_AT)
    this.#writer.buffer.fill(0, at, FIELDS_AT)
    if (likeAll !== undefined) this.#encoder.sharedFilter(likeAll)
    this.#batchFieldAt = this.#writer.reserve(BATCH_FIELD_HEAD_BYTES)
  }

  /**
   * @returns false where the request would become too large by this row: it is complete without it, and takes no other.
   *   One row alone is always taken; `checkSize` tells of it.
   * @throws InvalidArgumentError for what cannot be written; the request has no meaning then
   */
  add(row: BatchRow, index: number, digest: string): boolean {
    const { length } = this.#writer
    this.#encoder.row(row, index, digest)
    if (this.#writer.length > this.#bytesMax && this.#rowCount > 0) {
      this.#writer.truncate(length)
      return false
    }
    this.#rowCount += 1
    return true
  }

  /**
   * Length of the frame's body in bytes.
   *
   * @throws InvalidArgumentError where its only row is too large for a frame
   */
  checkSize(): number {
    const { length } = this.#writer
    const bodyBytes = length - FRAME_HEADER_BYTES
    if (length > this.#bytesMax) {
      const bodyBytesMax = this.#bytesMax - FRAME_HEADER_BYTES
      throw new InvalidArgumentError('row of a batch', `at most ${bodyBytesMax} bytes encoded`, bodyBytes)
    }
    return bodyBytes
  }

  /**
   * @param timeoutMs after which the server need not begin any longer
   * @returns a view that the next `begin` writes over
   * @throws InvalidArgumentError as `checkSize`
   */
  end(timeoutMs: number): Buffer {
    const { buffer, length } = this.#writer
    const fieldAt = this.#batchFieldAt
    const bodyBytes = this.checkSize()
    writeFrameHeader(buffer, 0, FRAME_TYPES.MESSAGE, bodyBytes)
    buffer[FRAME_HEADER_BYTES] = MESSAGE_HEADER_BYTES
    buffer[FRAME_HEADER_BYTES + 1] = INFO1.BATCH
    setUint32(buffer, FRAME_HEADER_BYTES + 14, Math.max(1, Math.ceil(timeoutMs)))
    buffer[FRAME_HEADER_BYTES + 19] = fieldAt === FIELDS_AT ? 1 : 2
    setUint32(buffer, fieldAt, length - fieldAt - 4)
    buffer[fieldAt + 4] = FIELD_TYPES.BATCH
    setUint32(buffer, fieldAt + 5, this.#rowCount)
    buffer[fieldAt + 9] = FLAGS
    return this.#writer.view()
  }
}
