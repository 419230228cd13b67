import { MAP_FLAGS, RESULT_CODES } from '../../../protocol/index.ts'
import { CommandError } from '../../command-error.ts'

/** How an operation writes into a list (protocol 8.4). */
export const LIST_WRITE_FLAGS = { ADD_UNIQUE: 1, INSERT_BOUNDED: 2, NO_FAIL: 4, PARTIAL: 8 } as const

/** How an operation writes into a map (protocol 8.5). */
export const MAP_WRITE_FLAGS = { CREATE_ONLY: 1, UPDATE_ONLY: 2, NO_FAIL: 4, PARTIAL: 8 } as const

/**
 * The order flags of a list or map that is set. An index that would be kept with it never is.
 *
 * @throws CommandError OP_NOT_APPLICABLE for flags that there are not
 */
export function checkedOrder(flags: number, orders: number): number {
  const order = flags & ~MAP_FLAGS.PERSIST_INDEX
  if ((order & ~orders) !== 0) throw new CommandError(RESULT_CODES.OP_NOT_APPLICABLE, `order flags ${flags}`)
  return order
}

/** As checkedOrder, for what an operation creates by the way: unknown flags mean no order. */
export function lenientOrder(flags: number, orders: number): number {
  const order = flags & ~MAP_FLAGS.PERSIST_INDEX
  return (order & ~orders) === 0 ? order : 0
}

export function has(flags: number, flag: number): boolean {
  return (flags & flag) !== 0
}
