import type { InfoCommand } from '../../protocol/index.ts'
import { objectsByRole } from '../cluster/objects-by-role.ts'
import type { SecondaryIndexes } from '../indexes/secondary-indexes.ts'
import type { ServerNode } from '../server-node.ts'
import type { Namespace } from '../storage/namespace.ts'
import type { RecordSet } from '../storage/record-set.ts'
import { namespaceConfigPairs } from './configuration.ts'
import { formatPairs, type InfoPair, type InfoTable } from './info-command.ts'

function namespaceInfo(node: ServerNode, { path }: InfoCommand): string {
  const namespace = node.namespaces.get(path[0] ?? '')
  if (namespace === undefined) return 'type=unknown'
  return formatPairs([...namespacePairs(node, namespace), ...namespaceConfigPairs(node, namespace)])
}

function namespacePairs({ cluster }: ServerNode, namespace: Namespace): InfoPair[] {
  const { master, replica, leftover } = objectsByRole(cluster, namespace)
  const { incoming, outgoing } = cluster.migrations
  return [
    ['ns_cluster_size', cluster.size],
    ['effective_replication_factor', cluster.replicationFactor],
    ['objects', namespace.objects],
    ['tombstones', 0],
    ['master_objects', master],
    ['master_tombstones', 0],
    ['prole_objects', replica],
    ['prole_tombstones', 0],
    ['non_replica_objects', leftover],
    ['non_replica_tombstones', 0],
    ['xdr_tombstones', 0],
    ['mrt_provisionals', 0],
    ['dead_partitions', 0],
    ['unavailable_partitions', 0],
    ['clock_skew_stop_writes', false],
    ['stop_writes', false],
    ['hwm_breached', false],
    ['current_time', namespace.nowSeconds],
    ['evicted_objects', 0],
    ['evict_ttl', 0],
    ['evict_void_time', 0],
    ['smd_evict_void_time', 0],
    ['truncate_lut', namespace.truncateBeforeMs],
    ['truncating', false],
    ['pending_quiesce', false],
    ['effective_is_quiesced', false],
    ['nodes_quiesced', 0],
    ['migrate_rx_partitions_remaining', incoming],
    ['migrate_tx_partitions_remaining', outgoing],
    ['data_used_bytes', namespace.dataUsedBytes],
    ...namespace.statistics.entries(),
  ]
}

function isPopulating(indexes: SecondaryIndexes, set: RecordSet): boolean {
  for (const index of indexes.all()) if (index.covers(set.name) && !index.isReadable) return true
  return false
}

/** The answers about sets separate with colons, and end with a semicolon (protocol 2.7). */
function setPairs({ indexes }: Namespace, set: RecordSet): string {
  const pairs: InfoPair[] = [
    ['objects', set.objects],
    ['tombstones', 0],
    ['data_used_bytes', set.dataUsedBytes],
    ['truncate_lut', set.truncateBeforeMs],
    ['sindexes', indexes.countOn(set.name)],
    ['index_populating', isPopulating(indexes, set)],
    ['truncating', false],
    ['default-read-touch-ttl-pct', 0],
    ['default-ttl', set.defaultTtlSeconds],
    ['disable-eviction', false],
    ['enable-index', indexes.hasSetIndex(set.name)],
    ['stop-writes-count', 0],
    ['stop-writes-size', 0],
  ]
  return `${formatPairs(pairs, ':')};`
}

function listedSets(namespace: Namespace): string {
  return Array.from(
    namespace.sets(),
    set => `ns=${namespace.name}:set=${set.name}:${setPairs(namespace, set)}`,
  ).join('')
}

function sets(node: ServerNode, { path }: InfoCommand): string {
  const [namespaceName = '', setName = ''] = path
  if (namespaceName === '') return Array.from(node.namespaces.values(), listedSets).join('')
  const namespace = node.namespaces.get(namespaceName)
  if (namespace === undefined) return 'ns_type=unknown'
  if (setName === '') return listedSets(namespace)
  const set = namespace.findSet(setName)
  return set === undefined ? '' : setPairs(namespace, set)
}

/** Counters of namespaces and sets (protocol 2.7). */
export const namespaceCommands: InfoTable = {
  namespaces: node => Array.from(node.namespaces.keys()).join(';'),
  namespace: namespaceInfo,
  sets,
}
