import { PARTITION_COUNT } from '../../protocol/index.ts'
import type { Namespace } from '../storage/namespace.ts'
import type { ClusterView, PartitionRole } from './cluster-view.ts'

/** How many records of a namespace its node has as master, as replica, and only until they are handed over. */
export function objectsByRole(
  view: ClusterView,
  namespace: Namespace,
): Readonly<Record<PartitionRole, number>> {
  const objects = { master: 0, replica: 0, leftover: 0 }
  for (let partitionId = 0; partitionId < PARTITION_COUNT; partitionId++) {
    objects[view.role(partitionId) ?? 'leftover'] += namespace.partition(partitionId).size
  }
  return objects
}
