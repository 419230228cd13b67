import { InvalidArgumentError } from '../errors/index.ts'

/** How a dispatch fared, as far as it tells something about the server's load. */
export interface DispatchOutcome {
  readonly durationMs: number
  /** The batch had as many items as it may have; the durations of such batches compare with each other. */
  readonly isFull: boolean
  /** It was refused, or not answered, for load. */
  readonly isDropped: boolean
}

/** Decides how many dispatches may be in flight, and learns from each. */
export interface ConcurrencyLimit {
  /** The most dispatches in flight, now; a whole number from 1, or infinity. */
  readonly limit: number
  /** A dispatch begins. The function that comes back is told its outcome, once. */
  begin(): (outcome: DispatchOutcome) => void
}

/** The same limit always; 0 means none. */
export function fixedLimit(concurrency: number): ConcurrencyLimit {
  if (!Number.isSafeInteger(concurrency) || concurrency < 0) {
    throw new InvalidArgumentError('concurrency', 'a whole number from 0', concurrency)
  }
  const limit = concurrency === 0 ? Number.POSITIVE_INFINITY : concurrency
  return { limit, begin: () => ignore }
}

function ignore(): void {}
