import type { ServerNode } from '../server-node.ts'
import type { Namespace } from '../storage/namespace.ts'
import { Replication } from './replication.ts'

/**
 * Prepares a node without records for its cluster: gives it what is the same on all nodes besides the functions
 * in Lua, which they share, and lets its writes reach the other copies.
 *
 * @param source a node that knows indexes and truncations, if there is one
 * @param copiesOf the other copies of a partition, none for one that the node does not master
 */
export function equipNewcomer(
  node: ServerNode,
  source: ServerNode | undefined,
  copiesOf: (namespaceName: string, partitionId: number) => readonly Namespace[],
): void {
  for (const namespace of node.namespaces.values()) {
    const original = source?.namespaces.get(namespace.name)
    if (original !== undefined) copyMetadata(original, namespace)
    if (node.cluster.isAlone) continue
    namespace.follow(new Replication(partitionId => copiesOf(namespace.name, partitionId)))
  }
}

function copyMetadata(source: Namespace, target: Namespace): void {
  if (source.truncateBeforeMs > 0) target.truncate(undefined, source.truncateBeforeMs)
  for (const definition of source.indexes.definitions()) target.indexes.create(definition)
}
