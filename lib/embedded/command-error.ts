import { RESULT_CODES, resultCodeName } from '../protocol/index.ts'

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

/** For a request that is malformed, or does not fit together. */
export function badRequest(reason: string): CommandError {
  return new CommandError(RESULT_CODES.PARAMETER, reason)
}

/** For an operation that cannot be done on what is there. */
export function notApplicable(reason: string): CommandError {
  return new CommandError(RESULT_CODES.OP_NOT_APPLICABLE, reason)
}
