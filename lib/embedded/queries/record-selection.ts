import { FIELD_TYPES, type Field, findField, RESULT_CODES } from '../../protocol/index.ts'
import { badRequest, CommandError } from '../command-error.ts'
import { compileFilter, type Expression } from '../expressions/index.ts'
import { INDEX_COLLECTIONS } from '../indexes/index-definition.ts'
import type { IndexInterval, SecondaryIndex } from '../indexes/secondary-index.ts'
import { parseContext } from '../operations/collections/collection-request.ts'
import type { Namespace } from '../storage/namespace.ts'
import { type IndexRange, parseIndexRange } from './index-range.ts'
import { nameField } from './query-fields.ts'

/** An index and what is looked for in it. */
export interface IndexSelection {
  readonly index: SecondaryIndex
  readonly interval: IndexInterval
}

/** Which records a query is about. */
export interface RecordSelection {
  readonly namespace: Namespace
  /** Empty for those of all sets. */
  readonly setName: string
  /** Undefined for all records of the set. */
  readonly byIndex: IndexSelection | undefined
  readonly filter: Expression | undefined
}

/** An interval that nothing is in. */
const NOTHING: IndexInterval = { begin: 1, end: 0, bytes: undefined }

/**
 * Which records a message without a digest asks for.
 *
 * @throws CommandError PARAMETER, SINDEX_NOT_FOUND, SINDEX_NOT_READABLE while the index is still being built
 */
export function recordSelection(namespace: Namespace, fields: readonly Field[]): RecordSelection {
  const setName = nameField(fields, FIELD_TYPES.SET)
  const filter = findField(fields, FIELD_TYPES.FILTER)
  return {
    namespace,
    setName,
    byIndex: indexSelection(namespace, setName, fields),
    filter: filter === undefined ? undefined : compileFilter(filter),
  }
}

/** A range makes a query one on an index; without it names of indexes mean nothing. */
function indexSelection(
  namespace: Namespace,
  setName: string,
  fields: readonly Field[],
): IndexSelection | undefined {
  const data = findField(fields, FIELD_TYPES.INDEX_RANGE)
  if (data === undefined) return undefined
  const range = parseIndexRange(data)
  const name = findField(fields, FIELD_TYPES.INDEX_NAME)
  const expression = findField(fields, FIELD_TYPES.INDEX_EXPRESSION)
  const waysToNameIt = [range.binName !== '', name !== undefined, expression !== undefined]
  if (waysToNameIt.filter(Boolean).length !== 1) throw badRequest('index range without one index')
  const index =
    name === undefined
      ? indexBySource(namespace, setName, range, fields, expression)
      : namespace.indexes.find(name.toString('latin1'))
  if (index === undefined) throw new CommandError(RESULT_CODES.SINDEX_NOT_FOUND)
  if (!index.isReadable) throw new CommandError(RESULT_CODES.SINDEX_NOT_READABLE)
  const isTypeRight = index.definition.valueType === range.valueType
  return { index, interval: isTypeRight ? range.interval : NOTHING }
}

function indexBySource(
  namespace: Namespace,
  setName: string,
  range: IndexRange,
  fields: readonly Field[],
  expression: Buffer | undefined,
): SecondaryIndex | undefined {
  const collection = findField(fields, FIELD_TYPES.INDEX_TYPE)
  if (collection?.length === 0) throw badRequest('empty index type')
  const context = findField(fields, FIELD_TYPES.INDEX_CONTEXT)
  if (context !== undefined) parseContext(context)
  return namespace.indexes.findBySource({
    setName,
    binName: range.binName,
    valueType: range.valueType,
    collection: collection?.[0] ?? INDEX_COLLECTIONS.DEFAULT,
    context,
    expression,
  })
}
