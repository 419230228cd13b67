import {
  decodeInfoRequest,
  encodeInfoReply,
  type InfoCommand,
  parseInfoCommand,
} from '../../protocol/index.ts'
import type { ServerNode } from '../server-node.ts'
import { configurationCommands } from './configuration.ts'
import { identityCommands } from './identity.ts'
import { indexCommands } from './indexes.ts'
import type { InfoHandler } from './info-command.ts'
import { badParameter, InfoError } from './info-error.ts'
import { jobCommands } from './jobs.ts'
import { latencyCommands } from './latencies.ts'
import { namespaceCommands } from './namespaces.ts'
import { statisticsCommands } from './statistics.ts'
import { truncateCommands } from './truncate.ts'
import { udfCommands } from './udf-modules.ts'

const COMMANDS: ReadonlyMap<string, InfoHandler> = new Map(
  Object.entries({
    ...identityCommands,
    ...statisticsCommands,
    ...namespaceCommands,
    ...latencyCommands,
    ...configurationCommands,
    ...truncateCommands,
    ...udfCommands,
    ...indexCommands,
    ...jobCommands,
    help: () => [...COMMANDS.keys()].join(';'),
  }),
)

/** What an empty request answers (protocol 2.1). */
const BASICS = [
  'features',
  'node',
  'compatibility-id',
  'edition',
  'build_arch',
  'build_os',
  'build',
  'version',
  'statistics',
  'services-alumni',
  'services',
  'partition-generation',
].map(parseInfoCommand)

/** Answers the body of an info frame: its commands one after the other, each with a value or an error. */
export function infoReply(node: ServerNode, body: Buffer): Buffer {
  const commands = body.length === 0 ? BASICS : decodeInfoRequest(body)
  node.statistics.infoComplete++
  return encodeInfoReply(commands.map(command => ({ text: command.text, value: answer(node, command) })))
}

function answer(node: ServerNode, command: InfoCommand): string {
  try {
    const handler = COMMANDS.get(command.name)
    if (handler === undefined) throw badParameter('unrecognized command')
    return handler(node, command)
  } catch (error) {
    if (error instanceof InfoError) return error.answer
    throw error
  }
}
