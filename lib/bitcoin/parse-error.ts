import { StoreError, type StoreErrorOptions } from '../errors/index.ts'

/**
 * Bytes or text that are not what they should be: cut short, out of range, or not in the one form that Bitcoin
 * consensus accepts. Code `INVALID_ARGUMENT`; the message names the field, its offset and what was found there.
 */
export class ParseError extends StoreError {
  override readonly name = 'ParseError'
  /** What was being read, for example `input count`. */
  readonly field: string
  /** Where the field starts, in bytes (characters for text) from the start of what was given to the parser. */
  readonly offset: number

  constructor(field: string, offset: number, problem: string, options: StoreErrorOptions = {}) {
    super('INVALID_ARGUMENT', `${field} at offset ${offset} ${problem}`, options)
    this.field = field
    this.offset = offset
  }
}

/** The bytes end before what they begin. For readers of pieces, who go on when more of them have come. */
export class TruncatedError extends ParseError {
  /** How many bytes more it takes at least to get beyond the field. */
  readonly missingBytes: number

  constructor(field: string, offset: number, problem: string, missingBytes: number) {
    super(field, offset, problem)
    this.missingBytes = missingBytes
  }
}
