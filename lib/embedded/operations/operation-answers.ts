import {
  ByteWriter,
  FRAME_BODY_BYTES_MAX,
  OPERATION_CODES,
  type Operation,
  PARTICLE_TYPES,
  RESULT_CODES,
  writeOperation,
} from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import type { Bin } from '../storage/bin-list.ts'

/** What header and names may take besides. */
const ENVELOPE_BYTES_MAX = 8 * 1024 * 1024
/** Thousands of operations may each answer with the same large bin. */
const ANSWERS_BYTES_MAX = FRAME_BODY_BYTES_MAX - ENVELOPE_BYTES_MAX

/** Collects what the operations of a command answer, in their order (protocol 5.4). */
export class OperationAnswers {
  readonly #respondAll: boolean
  readonly #code: number | undefined
  readonly #writer = new ByteWriter()
  #count = 0

  /**
   * @param respondAll whether operations without a result answer with a null particle
   * @param code that all answers carry; left out, each carries that of its operation
   */
  constructor(respondAll: boolean, code?: number) {
    this.#respondAll = respondAll
    this.#code = code
  }

  get count(): number {
    return this.#count
  }

  /** The answers so far, in the layout of a reply. */
  bytes(): Buffer {
    return this.#writer.view()
  }

  /** @throws CommandError RECORD_TOO_BIG when the answers no longer fit a frame */
  result(operation: Operation, type: number, value?: Uint8Array): void {
    if (this.#writer.length + (value?.length ?? 0) > ANSWERS_BYTES_MAX) {
      throw new CommandError(RESULT_CODES.RECORD_TOO_BIG, 'answers larger than a frame')
    }
    writeOperation(this.#writer, this.#code ?? operation.code, type, operation.name, value)
    this.#count++
  }

  /** For an operation that answers only when every one has to. */
  nothing(operation: Operation): void {
    if (this.#respondAll) this.result(operation, PARTICLE_TYPES.NULL)
  }

  bins(bins: Iterable<Bin>): void {
    for (const { name, type, value } of bins) {
      writeOperation(this.#writer, OPERATION_CODES.READ, type, name, value)
      this.#count++
    }
  }
}
