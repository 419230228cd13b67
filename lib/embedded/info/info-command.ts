import type { InfoCommand } from '../../protocol/index.ts'
import type { ServerNode } from '../server-node.ts'

/** Answers an info command: the value, without the echo of the command. @throws InfoError */
export type InfoHandler = (node: ServerNode, command: InfoCommand) => string

/** Answers by the name of the command. */
export type InfoTable = Readonly<Record<string, InfoHandler>>

/** A parameter under any of its names: newer and older clients differ (protocol 2.1). */
export function parameter(command: InfoCommand, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = command.parameters.get(name)
    if (value !== undefined) return value
  }
  return undefined
}

/** The namespace that a command names in its parameters. */
export function namespaceParameter(command: InfoCommand): string | undefined {
  return parameter(command, 'namespace', 'ns', 'id')
}

/** A key and its value. */
export type InfoPair = readonly [string, string | number | bigint | boolean]

/** `key=value` pairs. Most answers separate them with semicolons, some with colons (protocol 2.7). */
export function formatPairs(pairs: Iterable<InfoPair>, separator: ';' | ':' = ';'): string {
  return Array.from(pairs, ([key, value]) => `${key}=${value}`).join(separator)
}
