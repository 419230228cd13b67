import type { ServerNode } from '../server-node.ts'

/** Whether a node answers queries on a partition: other nodes of a cluster answer those on the rest. */
export function ownsPartition({ cluster }: ServerNode, partitionId: number): boolean {
  return cluster.masters(partitionId)
}
