import { InvalidArgumentError } from '../errors/index.ts'
import type { WriteStatement } from './statement.ts'

/** Throws `InvalidArgumentError` unless the arguments are what the statement's parameters ask for. */
export function checkArguments(
  { name, parameters }: WriteStatement,
  args: readonly (number | Uint8Array)[],
): void {
  if (args.length !== parameters.length)
    throw new InvalidArgumentError(`arguments of ${name}`, `${parameters.length} of them`, args.length)
  for (let index = 0; index < parameters.length; index++) {
    const parameter = parameters[index]
    const argument = args[index]
    if (parameter?.type === 'int') {
      if (!Number.isSafeInteger(argument)) throw badArgument(name, index, 'a safe integer', argument)
    } else if (!(argument instanceof Uint8Array) || argument.length !== parameter?.bytes)
      throw badArgument(name, index, `a blob of ${parameter?.bytes} bytes`, argument)
  }
}

function badArgument(name: string, index: number, expected: string, argument: unknown): InvalidArgumentError {
  return new InvalidArgumentError(`argument ${index} of ${name}`, expected, argument)
}
