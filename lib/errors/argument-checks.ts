import { InvalidArgumentError } from './store-error.ts'

/**
 * An array is refused as well: as options it is an argument in the wrong place.
 *
 * @throws InvalidArgumentError
 */
export function checkObject(field: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InvalidArgumentError(field, 'an object', value)
}

/**
 * A function that may be left out.
 *
 * @throws InvalidArgumentError
 */
export function checkFunction(field: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function')
    throw new InvalidArgumentError(field, 'a function', value)
}

/**
 * What the options of every call have to be.
 *
 * @throws InvalidArgumentError for what is no object, and for a signal that is no `AbortSignal`
 */
export function checkCallOptions(options: { readonly signal?: AbortSignal | undefined }): void {
  checkObject('options', options)
  const { signal } = options
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new InvalidArgumentError('signal', 'an AbortSignal', signal)
}
