import { type InfoCommand, RESULT_CODES } from '../../protocol/index.ts'
import type { ServerNode } from '../server-node.ts'
import { type InfoTable, namespaceParameter } from './info-command.ts'
import { InfoError, missing, missingNamespace, unknownNamespace } from './info-error.ts'

/** A real server repeats this error for a namespace in the parameters. */
function refuseUnknownNamespace(node: ServerNode, name: string | undefined): void {
  if (name === undefined || node.namespaces.has(name)) return
  const { message } = unknownNamespace()
  throw new InfoError(RESULT_CODES.NAMESPACE, `${message};ERROR:${RESULT_CODES.NAMESPACE}:${message}`)
}

function noIndex(): InfoError {
  return new InfoError(RESULT_CODES.SINDEX_NOT_FOUND, 'no index')
}

function listIndexes(node: ServerNode, command: InfoCommand): string {
  refuseUnknownNamespace(node, namespaceParameter(command))
  return ''
}

/** `sindex`, `sindex/<namespace>` or `sindex/<namespace>/<index>` */
function indexesByPath(node: ServerNode, { path }: InfoCommand): string {
  const [namespaceName, indexName] = path
  refuseUnknownNamespace(node, namespaceName)
  if (indexName !== undefined) throw noIndex()
  return ''
}

function indexStatistics(_node: ServerNode, command: InfoCommand): string {
  if (command.parameters.get('indexname') === undefined) throw missing('indexname')
  if (namespaceParameter(command) === undefined) throw missingNamespace()
  throw noIndex()
}

function createIndex(): string {
  throw new InfoError(RESULT_CODES.UNSUPPORTED_FEATURE, 'secondary indexes are not supported')
}

/** Secondary indexes, of which there are none (protocol 10.1). */
export const indexCommands: InfoTable = {
  sindex: indexesByPath,
  'sindex-list': listIndexes,
  'sindex-stat': indexStatistics,
  'sindex-exists': () => 'false',
  'sindex-create': createIndex,
  'sindex-delete': () => 'ok',
}
