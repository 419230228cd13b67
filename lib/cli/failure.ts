import { messageOf, StoreError } from '../errors/index.ts'

/** 1: the job failed. 2: the command was used wrongly. */
export type FailureExitCode = 1 | 2

/** Wrong usage: one line that says what to do, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The job failed, but its result is on stdout already, so that no second document follows it. */
export class ReportedFailure extends Error {
  override readonly name = 'ReportedFailure'
}

export interface Failure {
  readonly exitCode: FailureExitCode
  readonly message: string
  /** For machines; undefined where a result was printed. */
  readonly document: { error: { code: string; message: string } } | undefined
}

/** Bad arguments of any layer are wrong usage; everything else is a failed job. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof ReportedFailure) return { exitCode: 1, message: error.message, document: undefined }
  if (error instanceof UsageError) return failure(2, 'USAGE', error.message)
  if (error instanceof StoreError)
    return failure(error.code === 'INVALID_ARGUMENT' ? 2 : 1, error.code, error.message)
  return failure(1, 'UNKNOWN', messageOf(error))
}

function failure(exitCode: FailureExitCode, code: string, message: string): Failure {
  return { exitCode, message, document: { error: { code, message } } }
}
