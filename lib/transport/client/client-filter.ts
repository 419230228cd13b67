import Aerospike from 'aerospike'
import { InvalidArgumentError } from '../../errors/index.ts'
import type { Comparison, Filter, FilterValue } from '../filter.ts'

const { exp } = Aerospike
const { returnType } = Aerospike.lists

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

/** What fills the holes of a statement; a plain filter has none. */
export type Arguments = readonly (number | Uint8Array)[]

const NO_ARGUMENTS: Arguments = []

export function clientExpression(filter: Filter, args: Arguments = NO_ARGUMENTS): ClientExpression {
  if ('and' in filter) return combined(exp.and, filter.and, args)
  if ('or' in filter) return combined(exp.or, filter.or, args)
  if ('not' in filter) return exp.not(clientExpression(filter.not, args))
  if ('binExists' in filter) return exp.binExists(filter.binExists)
  return COMPARISONS[filter.compare](valueExpression(filter.left, args), valueExpression(filter.right, args))
}

type Combine = (...expressions: ClientExpression[]) => ClientExpression

function combined(combine: Combine, filters: readonly Filter[], args: Arguments): ClientExpression {
  const [only, ...others] = filters.map(filter => clientExpression(filter, args))
  if (only === undefined) throw new InvalidArgumentError('filter', 'at least one condition', filters)
  // The server takes a combination of one for a malformed expression.
  return others.length === 0 ? only : combine(only, ...others)
}

export function valueExpression(value: FilterValue, args: Arguments): ClientExpression {
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
        : computedExpression(value, args)
  }
}

function computedExpression(
  value: Exclude<FilterValue, number | bigint | boolean | string | Uint8Array>,
  args: Arguments,
): ClientExpression {
  if ('intBin' in value) return exp.binInt(value.intBin)
  if ('blobBin' in value) return exp.binBlob(value.blobBin)
  if ('boolBin' in value) return exp.binBool(value.boolBin)
  if ('stringBin' in value) return exp.binStr(value.stringBin)
  if ('listSize' in value) return exp.lists.size(exp.binList(value.listSize))
  if ('listBlob' in value) {
    const index = valueExpression(value.index, args)
    return exp.lists.getByIndex(exp.binList(value.listBlob), index, exp.type.BLOB, returnType.VALUE)
  }
  if ('listCount' in value)
    return exp.lists.getByValue(
      exp.binList(value.listCount),
      valueExpression(value.of, args),
      returnType.COUNT,
    )
  if ('sum' in value) {
    const addends = value.sum.map(addend => valueExpression(addend, args))
    return (exp.add as unknown as Combine)(...addends)
  }
  const argument = args[value.parameter]
  if (argument === undefined)
    throw new InvalidArgumentError('filter value', 'a parameter that has an argument', value)
  return valueExpression(argument, args)
}

/** Carries any 64-bit integer: the npm client refuses a bigint where it asks for an integer, but not here. */
export function bigintExpression(value: bigint): ClientExpression {
  return exp.list(value as unknown as Parameters<typeof exp.list>[0])
}
