import { InvalidArgumentError } from './store-error.ts'

/** What a timer of Node takes; above it one fires at once. */
export const TIMER_MS_MAX = 2 ** 31 - 1

/** @throws InvalidArgumentError for anything else than a whole number from `min` to `max` */
export function wholeNumber(field: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value
  throw new InvalidArgumentError(field, `a whole number from ${min} to ${max}`, value)
}
