import { checkArguments } from '../check-arguments.ts'
import type { BatchRow } from '../transport.ts'
import { compileStatement } from './statement-encoding.ts'

/**
 * The first row, where all rows have the same filter with the same values in it; otherwise, and of one row alone,
 * undefined. A filter of the whole request (protocol 6.1) applies to every row, so none may be without it.
 *
 * @throws InvalidArgumentError for arguments of the first row that do not fit its statement
 */
export function rowWithSharedFilter(rows: readonly BatchRow[]): BatchRow | undefined {
  const [first, second] = rows
  if (first === undefined || second === undefined) return undefined
  const hasSameFilter = comparison(first)
  return hasSameFilter !== undefined && rows.every(hasSameFilter) ? first : undefined
}

function comparison(first: BatchRow): ((row: BatchRow) => boolean) | undefined {
  if (first.kind !== 'execute') {
    const { filter } = first
    return filter === undefined ? undefined : row => row.filter === filter
  }
  const { statement, args } = first
  checkArguments(statement, args)
  const { filter } = compileStatement(statement)
  if (filter === undefined) return undefined
  return row =>
    row.kind === 'execute' &&
    row.statement === statement &&
    (row.args === args || filter.holes.every(({ parameter }) => row.args[parameter] === args[parameter]))
}
