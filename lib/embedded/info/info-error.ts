import { RESULT_CODES } from '../../protocol/index.ts'

/** Ends an info command with `ERROR:<code>:<text>` (protocol 2.1). */
export class InfoError extends Error {
  override readonly name = 'InfoError'
  readonly resultCode: number

  constructor(resultCode: number, text: string) {
    super(text)
    this.resultCode = resultCode
  }

  get answer(): string {
    return `ERROR:${this.resultCode}:${this.message}`
  }
}

export function badParameter(text: string): InfoError {
  return new InfoError(RESULT_CODES.PARAMETER, text)
}

export function missing(parameter: string): InfoError {
  return badParameter(`missing '${parameter}'`)
}

export function missingNamespace(): InfoError {
  return new InfoError(RESULT_CODES.NAMESPACE, "missing 'namespace'")
}

export function unknownNamespace(): InfoError {
  return new InfoError(RESULT_CODES.NAMESPACE, 'namespace not found on node')
}

export function enterpriseOnly(): InfoError {
  return new InfoError(RESULT_CODES.ENTERPRISE_ONLY, 'enterprise only')
}
