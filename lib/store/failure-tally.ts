import type { ErrorCode, StoreError } from '../errors/index.ts'
import { aggregateCause, aggregateError, CAUSES_MAX } from './store-errors.ts'

/** Counts the failures of a list's entries and keeps the first: a list of millions may fail as a whole. */
export class FailureTally {
  readonly first: StoreError[] = []
  readonly #codes = new Set<ErrorCode>()
  #count = 0

  get count(): number {
    return this.#count
  }

  add(failure: StoreError): void {
    this.#count += 1
    this.#codes.add(failure.code)
    if (this.first.length < CAUSES_MAX) this.first.push(failure)
  }

  addAll(failures: Iterable<StoreError>): void {
    for (const failure of failures) this.add(failure)
  }

  /** The code of all failures where they have one, otherwise `STORAGE_ERROR`. */
  get code(): ErrorCode {
    const [code = 'STORAGE_ERROR', other] = this.#codes
    return other === undefined ? code : 'STORAGE_ERROR'
  }

  get cause(): AggregateError {
    return aggregateCause(this.first, this.#count)
  }

  /** Throws a single failure as it is, several as an aggregate; does nothing where nothing failed. */
  throwIfAny(total: number, what: string): void {
    const [first] = this.first
    if (first === undefined) return
    if (this.#count === 1) throw first
    const message = `${this.#count} of ${total} ${what}: ${first.message}`
    throw aggregateError(this.code, message, this.first, this.#count)
  }
}
