import { StoreError } from '../errors/index.ts'

/** Work did not begin: what it would have needed was not free in time, or it was given up before. */
export class NothingSentError extends StoreError {
  override readonly name = 'NothingSentError'
}
