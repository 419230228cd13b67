import { type InfoCommand, RESULT_CODES } from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import { countDifferent } from '../indexes/cardinality.ts'
import { contextText } from '../indexes/context-text.ts'
import { INDEX_COLLECTIONS } from '../indexes/index-definition.ts'
import { createIndexEverywhere, dropIndexEverywhere } from '../indexes/index-metadata.ts'
import type { SecondaryIndex } from '../indexes/secondary-index.ts'
import type { ServerNode } from '../server-node.ts'
import type { Namespace } from '../storage/namespace.ts'
import {
  collectionName,
  indexDefinition,
  requiredIndexName,
  requiredNamespaceName,
  valueTypeName,
} from './index-parameters.ts'
import { formatPairs, type InfoPair, type InfoTable, namespaceParameter } from './info-command.ts'
import { InfoError, unknownNamespace } from './info-error.ts'

/** An entry is a key and a reference to its record. */
const ENTRY_BYTES = 16

/** A real server repeats this error for a namespace in the parameters. */
function unknownNamespaceTwice(): InfoError {
  const { message } = unknownNamespace()
  return new InfoError(RESULT_CODES.NAMESPACE, `${message};ERROR:${RESULT_CODES.NAMESPACE}:${message}`)
}

function noIndex(): InfoError {
  return new InfoError(RESULT_CODES.SINDEX_NOT_FOUND, 'no index')
}

function listed(namespaces: Iterable<Namespace>, inBase64: boolean): string {
  return Array.from(namespaces, namespace =>
    Array.from(namespace.indexes.all(), index => described(namespace, index, inBase64)),
  )
    .flat()
    .join(';')
}

/** One index; these answers separate with colons (protocol 2.7). */
function described(
  namespace: Namespace,
  { definition, isReadable }: SecondaryIndex,
  inBase64: boolean,
): string {
  if (definition.collection === INDEX_COLLECTIONS.SET) {
    return `ns=${namespace.name}:indexname=${definition.name}:set=${definition.setName}:indextype=set`
  }
  const { name, setName, binName, valueType, collection, context, expression } = definition
  const pairs: InfoPair[] = [
    ['ns', namespace.name],
    ['indexname', name],
    ['set', setName || 'null'],
    ['bin', binName || 'null'],
    ['type', valueTypeName(valueType)],
    ['indextype', collectionName(collection)],
    [
      'context',
      context === undefined ? 'null' : inBase64 ? context.toString('base64') : contextText(context),
    ],
    // A real server writes expressions as text unless it is asked for base64; there is no such text here.
    ['exp', expression?.toString('base64') ?? 'null'],
    ['state', isReadable ? 'RW' : 'WO'],
  ]
  return formatPairs(pairs, ':')
}

function statisticsOf(index: SecondaryIndex): string {
  const { entries, records } = index
  const different = entries === 0 ? 0 : countDifferent(index.keys())
  return formatPairs([
    ['entries', entries],
    ['used_bytes', entries * ENTRY_BYTES],
    ['entries_per_bval', different === 0 ? 0 : Math.round(entries / different)],
    ['entries_per_rec', records === 0 ? 0 : Math.round(entries / records)],
    ['load_pct', Math.floor(index.filledFraction * 100)],
    ['load_time', Math.round(index.fillMs)],
    ['stat_gc_recs', 0],
  ])
}

function listIndexes(node: ServerNode, command: InfoCommand): string {
  const name = namespaceParameter(command)
  const inBase64 = command.parameters.get('b64') === 'true'
  if (name === undefined) return listed(node.namespaces.values(), inBase64)
  const namespace = node.namespaces.get(name)
  if (namespace === undefined) throw unknownNamespaceTwice()
  return listed([namespace], inBase64)
}

/** `sindex`, `sindex/<namespace>` or `sindex/<namespace>/<index>` */
function indexesByPath(node: ServerNode, { path }: InfoCommand): string {
  const [namespaceName = '', indexName = ''] = path
  if (namespaceName === '') return listed(node.namespaces.values(), false)
  const namespace = node.namespaces.get(namespaceName)
  if (namespace === undefined) return 'ns_type=unknown'
  if (indexName === '') return listed([namespace], false)
  const index = namespace.indexes.find(indexName)
  if (index === undefined) throw noIndex()
  return statisticsOf(index)
}

function namedIndex(node: ServerNode, command: InfoCommand): SecondaryIndex | undefined {
  const indexName = requiredIndexName(command)
  const namespace = node.namespaces.get(requiredNamespaceName(command))
  if (namespace === undefined) throw unknownNamespace()
  return namespace.indexes.find(indexName)
}

function indexStatistics(node: ServerNode, command: InfoCommand): string {
  const index = namedIndex(node, command)
  if (index === undefined) throw noIndex()
  return statisticsOf(index)
}

function createIndex(node: ServerNode, command: InfoCommand): string {
  const definition = indexDefinition(command)
  try {
    createIndexEverywhere(node, requiredNamespaceName(command), definition)
    return 'ok'
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    if (error.resultCode === RESULT_CODES.SINDEX_FOUND) {
      throw new InfoError(error.resultCode, "'indexname' already exists with different definition")
    }
    throw new InfoError(error.resultCode, 'too many indexes')
  }
}

function dropIndex(node: ServerNode, command: InfoCommand): string {
  const indexName = requiredIndexName(command)
  dropIndexEverywhere(node, requiredNamespaceName(command), indexName)
  return 'ok'
}

/** Secondary indexes (protocol 2.7 and 10.1). */
export const indexCommands: InfoTable = {
  sindex: indexesByPath,
  'sindex-list': listIndexes,
  'sindex-stat': indexStatistics,
  'sindex-exists': (node, command) => String(namedIndex(node, command) !== undefined),
  'sindex-create': createIndex,
  'sindex-delete': dropIndex,
}
