import Aerospike from 'aerospike'
import { InvalidArgumentError } from '../../errors/index.ts'
import type { Comparison, Filter, FilterValue } from '../filter.ts'

const { exp } = Aerospike

/** The npm client's form of an expression: a flat list of operators and values. */
export type ClientExpression = ReturnType<typeof exp.binExists>

const COMPARISONS = {
  eq: exp.eq,
  ne: exp.ne,
  lt: exp.lt,
  le: exp.le,
  gt: exp.gt,
  ge: exp.ge,
} as const satisfies Record<Comparison, unknown>

export function clientExpression(filter: Filter): ClientExpression {
  if ('and' in filter) return combined(exp.and, filter.and)
  if ('or' in filter) return combined(exp.or, filter.or)
  if ('not' in filter) return exp.not(clientExpression(filter.not))
  if ('binExists' in filter) return exp.binExists(filter.binExists)
  return COMPARISONS[filter.compare](valueExpression(filter.left), valueExpression(filter.right))
}

function combined(
  combine: (...expressions: ClientExpression[]) => ClientExpression,
  filters: readonly Filter[],
): ClientExpression {
  const [only, ...others] = filters.map(clientExpression)
  if (only === undefined) throw new InvalidArgumentError('filter', 'at least one condition', filters)
  // The server takes a combination of one for a malformed expression.
  return others.length === 0 ? only : combine(only, ...others)
}

function valueExpression(value: FilterValue): ClientExpression {
  switch (typeof value) {
    case 'number':
      if (!Number.isSafeInteger(value))
        throw new InvalidArgumentError('filter value', 'a safe integer or a bigint', value)
      return exp.int(value)
    case 'bigint':
      return bigintExpression(value)
    case 'boolean':
      return exp.bool(value)
    case 'string':
      return exp.str(value)
    default:
      return value instanceof Uint8Array
        ? exp.bytes(Buffer.from(value.buffer, value.byteOffset, value.byteLength), value.byteLength)
        : binExpression(value)
  }
}

function binExpression(value: Exclude<FilterValue, number | bigint | boolean | string | Uint8Array>) {
  if ('intBin' in value) return exp.binInt(value.intBin)
  if ('blobBin' in value) return exp.binBlob(value.blobBin)
  if ('boolBin' in value) return exp.binBool(value.boolBin)
  if ('listSize' in value) return exp.lists.size(exp.binList(value.listSize))
  return exp.binStr(value.stringBin)
}

/** Carries any 64-bit integer: the npm client refuses a bigint where it asks for an integer, but not here. */
export function bigintExpression(value: bigint): ClientExpression {
  return exp.list(value as unknown as Parameters<typeof exp.list>[0])
}
