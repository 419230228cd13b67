import {
  ByteWriter,
  OPERATION_CODES,
  type Operation,
  PARTICLE_TYPES,
  writeOperation,
} from '../../protocol/index.ts'
import type { Bin } from '../storage/bin-list.ts'

/** Collects what the operations of a command answer, in their order (protocol 5.4). */
export class OperationAnswers {
  readonly #respondAll: boolean
  readonly #writer = new ByteWriter()
  #count = 0

  /** @param respondAll whether operations without a result answer with a null particle */
  constructor(respondAll: boolean) {
    this.#respondAll = respondAll
  }

  get count(): number {
    return this.#count
  }

  /** The answers so far, in the layout of a reply. */
  bytes(): Buffer {
    return this.#writer.view()
  }

  result(operation: Operation, type: number, value?: Uint8Array): void {
    writeOperation(this.#writer, operation.code, type, operation.name, value)
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
