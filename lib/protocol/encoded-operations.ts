import { decodeOperations, type Operation } from './message.ts'

/** The operations of a request as they came, of which `skipOperations` has found that they are whole. */
export class EncodedOperations {
  readonly source: Buffer
  /** They are the bytes of `source` from here to before `end`. */
  readonly start: number
  readonly end: number
  readonly count: number
  #list: readonly Operation[] | undefined

  constructor(source: Buffer, start: number, end: number, count: number) {
    this.source = source
    this.start = start
    this.end = end
    this.count = count
  }

  /** The same, decoded when somebody asks first. */
  get list(): readonly Operation[] {
    this.#list ??= decodeOperations(this.source, this.start, this.count)
    return this.#list
  }
}
