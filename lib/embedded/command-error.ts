import { resultCodeName } from '../protocol/index.ts'

/** Ends a command: its reply carries the result code, and nothing it did is kept. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  /** One of RESULT_CODES. */
  readonly resultCode: number

  constructor(resultCode: number, message?: string) {
    super(message ?? resultCodeName(resultCode))
    this.resultCode = resultCode
  }
}
