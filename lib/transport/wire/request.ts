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

// frame header (8) · message header (22) · field header (5) · u32 number of rows · u8 flags · rows

const FIELD_AT = FRAME_HEADER_BYTES + MESSAGE_HEADER_BYTES
const COUNT_AT = FIELD_AT + 5
const ROWS_AT = COUNT_AT + 5

const FIRST_CAPACITY_BYTES = 64 * 1024
/** A request that grew beyond it gives its buffer back instead of keeping it for the next one. */
const CAPACITY_BYTES_KEPT = 1024 * 1024

const FLAGS = BATCH_FLAGS.INLINE_MEMORY | BATCH_FLAGS.RESPOND_ALL_KEYS | BATCH_FLAGS.REPORT_ERROR_ROWS

/** The bytes of one batch request, in a buffer that serves again and again. */
export class BatchRequestBytes {
  readonly #writer = new ByteWriter(FIRST_CAPACITY_BYTES)
  readonly #encoder: RowEncoder
  #rowCount = 0

  constructor(namespace: string) {
    this.#encoder = new RowEncoder(this.#writer, namespace)
  }

  /** Whether the buffer is of a size to be kept for another request. */
  get isReusable(): boolean {
    return this.#writer.buffer.length <= CAPACITY_BYTES_KEPT
  }

  begin(): void {
    this.#rowCount = 0
    this.#encoder.begin()
    this.#writer.truncate(0)
    const at = this.#writer.reserve(ROWS_AT)
    this.#writer.buffer.fill(0, at, ROWS_AT)
  }

  /** @throws InvalidArgumentError for what cannot be written; the request has no meaning then */
  add(row: BatchRow, index: number, digest: string): void {
    this.#encoder.row(row, index, digest)
    this.#rowCount += 1
  }

  /**
   * Length of the frame's body in bytes.
   *
   * @throws InvalidArgumentError beyond 128 MiB, which no server accepts
   */
  checkSize(): number {
    const bodyBytes = this.#writer.length - FRAME_HEADER_BYTES
    if (bodyBytes > FRAME_BODY_BYTES_MAX)
      throw new InvalidArgumentError('batch', `at most ${FRAME_BODY_BYTES_MAX} bytes encoded`, bodyBytes)
    return bodyBytes
  }

  /**
   * @param timeoutMs after which the server need not begin any longer
   * @returns a view that the next `begin` writes over
   * @throws InvalidArgumentError as `checkSize`
   */
  end(timeoutMs: number): Buffer {
    const { buffer, length } = this.#writer
    const bodyBytes = this.checkSize()
    writeFrameHeader(buffer, 0, FRAME_TYPES.MESSAGE, bodyBytes)
    buffer[FRAME_HEADER_BYTES] = MESSAGE_HEADER_BYTES
    buffer[FRAME_HEADER_BYTES + 1] = INFO1.BATCH
    setUint32(buffer, FRAME_HEADER_BYTES + 14, Math.max(1, Math.ceil(timeoutMs)))
    buffer[FRAME_HEADER_BYTES + 19] = 1
    setUint32(buffer, FIELD_AT, length - FIELD_AT - 4)
    buffer[FIELD_AT + 4] = FIELD_TYPES.BATCH
    setUint32(buffer, COUNT_AT, this.#rowCount)
    buffer[COUNT_AT + 4] = FLAGS
    return this.#writer.view()
  }
}
