import type { ServerNode } from '../server-node.ts'
import type { IndexDefinition } from './index-definition.ts'

/**
 * Creates an index on every node of the cluster. A namespace that does not exist is no error, as on a real
 * server.
 *
 * @throws CommandError as SecondaryIndexes.create does
 */
export function createIndexEverywhere(
  node: ServerNode,
  namespaceName: string,
  definition: IndexDefinition,
): void {
  for (const { namespaces } of node.cluster.nodes()) namespaces.get(namespaceName)?.indexes.create(definition)
}

/** Drops an index on every node of the cluster; one that is not there is fine. */
export function dropIndexEverywhere(node: ServerNode, namespaceName: string, indexName: string): void {
  for (const { namespaces } of node.cluster.nodes()) namespaces.get(namespaceName)?.indexes.drop(indexName)
}
