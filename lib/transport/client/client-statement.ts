import Aerospike from 'aerospike'
import { InvalidArgumentError } from '../../errors/index.ts'
import { checkArguments } from '../check-arguments.ts'
import type {
  ExecuteRow,
  Parameter,
  StatementCase,
  StatementOperation,
  StatementValue,
} from '../statement.ts'
import type { BinValue } from '../transport.ts'
import { type Arguments, type ClientExpression, clientExpression, valueExpression } from './client-filter.ts'
import { encodeValue } from './client-values.ts'

const { exp, lists, operations } = Aerospike

/** The npm client's typings are narrower than what it takes, for values as for policies. */
type Loose = (...given: unknown[]) => unknown

/** The parts of a statement with its holes filled, for one row. */
export interface FilledStatement {
  readonly filterExpression: ClientExpression | undefined
  readonly operations: unknown[]
}

/** The npm client keeps nothing prepared: each row is made anew. */
export function fillStatement({ statement, args }: ExecuteRow): FilledStatement {
  checkArguments(statement, args)
  const { filter } = statement
  return {
    filterExpression: filter === undefined ? undefined : clientExpression(filter, args),
    operations: statement.operations.map(operation => filledOperation(operation, args)),
  }
}

function filledOperation(operation: StatementOperation, args: Arguments): unknown {
  const { bin } = operation
  switch (operation.kind) {
    case 'put':
      return (operations.write as Loose)(bin, filledValue(operation.value, args))
    case 'unset':
      // A value of null deletes the bin.
      return (operations.write as Loose)(bin, null)
    case 'list-set':
      return (lists.set as Loose)(bin, filledIndex(operation.index, args), filledValue(operation.value, args))
    case 'list-append':
      return (lists.append as Loose)(bin, filledValue(operation.value, args))
    case 'choose':
      return (exp.operations.write as Loose)(
        bin,
        choice(operation.cases, args),
        choiceFlags(operation.otherwise),
      )
    case 'read':
      return operations.read(bin)
  }
}

/** Without a flag for where no case is met the operation fails then, and the whole write with it. */
function choiceFlags(otherwise: 'refuse' | undefined): number {
  const { ALLOW_DELETE, EVAL_NO_FAIL } = exp.expWriteFlags
  return otherwise === 'refuse' ? ALLOW_DELETE : ALLOW_DELETE | EVAL_NO_FAIL
}

function choice(cases: readonly StatementCase[], args: Arguments): ClientExpression {
  const branches = cases.flatMap(({ when, result }) => [
    clientExpression(when, args),
    result === 'delete' ? exp.nil() : valueExpression(result, args),
  ])
  return (exp.cond as unknown as (...branches: ClientExpression[]) => ClientExpression)(
    ...branches,
    exp.unknown(),
  )
}

function filledIndex(index: number | Parameter, args: Arguments): number {
  const filled = typeof index === 'number' ? index : args[index.parameter]
  if (typeof filled === 'number') return filled
  throw new InvalidArgumentError('index', 'an integer, or a parameter that is one', index)
}

function filledValue(value: StatementValue, args: Arguments): unknown {
  if ('constant' in value) return encodeValue(value.constant)
  if ('joined' in value) return Buffer.concat(value.joined.map(part => args[part.parameter] as Uint8Array)) // blobs by the statement's own parameters
  if ('list' in value) return encodeValue(value.list.map(({ parameter }) => args[parameter] as BinValue))
  return encodeValue(args[value.parameter] as BinValue) // there, for checkArguments has counted
}
