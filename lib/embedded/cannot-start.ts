import { messageOf, StoreError } from '../errors/index.ts'

/** Says that a server could not start, with what the system said as cause. */
export function cannotStart(host: string, port: number, cause: unknown): StoreError {
  const message = `embedded server cannot start on ${host}:${port}: ${messageOf(cause)}`
  return new StoreError('SERVICE_UNAVAILABLE', message, { cause })
}
