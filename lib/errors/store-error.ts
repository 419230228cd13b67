import { ERROR_CODES, type ErrorCode } from './codes.ts'

export interface StoreErrorOptions {
  /** What led to this error: an error of the client, the signal's reason, the errors behind an aggregate. */
  cause?: unknown
}

/** The one error class of this library. Subclasses exist only where an error carries data of its own. */
export class StoreError extends Error {
  override readonly name: string = 'StoreError'
  /** Stable string code, for switching. */
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options: StoreErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
  }

  /** The reference system's number for the code. */
  get number(): number {
    return ERROR_CODES[this.code].number
  }

  /** Whether the same call may succeed later without any change by the caller. */
  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable
  }
}

/** Refuses an argument, naming the field and the value that was given. */
export class InvalidArgumentError extends StoreError {
  override readonly name = 'InvalidArgumentError'
  readonly field: string

  constructor(field: string, expected: string, value: unknown, options: StoreErrorOptions = {}) {
    super('INVALID_ARGUMENT', `${field} must be ${expected}, got ${describe(value)}`, options)
    this.field = field
  }
}

const SHOWN_CHARACTERS = 80

/** A short, safe rendering of any value for an error message. */
export function describe(value: unknown): string {
  if (value instanceof Uint8Array) {
    const hex = Buffer.from(value.buffer, value.byteOffset, Math.min(value.byteLength, 16)).toString('hex')
    return `${value.length} bytes ${hex}${value.length > 16 ? '…' : ''}`
  }
  if (typeof value === 'string')
    return JSON.stringify(value.length > SHOWN_CHARACTERS ? `${value.slice(0, SHOWN_CHARACTERS)}…` : value)
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'object' && value !== null) return `an object${typeNameOf(value)}`
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'bigint') return `${value}n`
  return String(value)
}

/** What is described is somebody's: its getters may throw. */
function typeNameOf(value: object): string {
  try {
    return ` of type ${value.constructor?.name ?? 'null'}`
  } catch {
    return ''
  }
}

/** The message of whatever was thrown; also of errors from another realm, which `instanceof` does not know. */
export function messageOf(thrown: unknown): string {
  if (typeof thrown === 'object' && thrown !== null && 'message' in thrown) return String(thrown.message)
  return String(thrown)
}
