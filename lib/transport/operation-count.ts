import { InvalidArgumentError } from '../errors/index.ts'

/** The count has 16 bits in a request (protocol 6.1); one beyond would lose all but the rest of its division. */
const OPERATIONS_MAX = 0xffff

/** Throws `InvalidArgumentError` where a row has more operations, or names more bins, than a request can tell. */
export function checkOperationCount(count: number): void {
  if (count > OPERATIONS_MAX)
    throw new InvalidArgumentError('operations of a row', `at most ${OPERATIONS_MAX}`, count)
}
