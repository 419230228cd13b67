import type { InfoCommand } from '../../protocol/index.ts'
import type { ServerNode } from '../server-node.ts'
import type { Namespace } from '../storage/namespace.ts'
import type { RecordSet } from '../storage/record-set.ts'
import { namespaceConfigPairs } from './configuration.ts'
import { formatPairs, type InfoTable } from './info-command.ts'

type Pair = readonly [string, string | number | boolean]

function statistics(node: ServerNode): string {
  const { statistics: counters, clusterKey, name } = node
  let objects = 0
  for (const namespace of node.namespaces.values()) objects += namespace.objects
  return formatPairs([
    ['cluster_size', 1],
    ['cluster_key', clusterKey],
    ['cluster_generation', 1],
    ['cluster_principal', name],
    ['cluster_integrity', true],
    ['cluster_is_member', true],
    ['cluster_clock_skew_ms', 0],
    ['uptime', Math.floor((node.clock.nowMs() - node.startedAtMs) / 1000)],
    ['objects', objects],
    ['tombstones', 0],
    ['client_connections', counters.connectionsOpened - counters.connectionsClosed],
    ['client_connections_opened', counters.connectionsOpened],
    ['client_connections_closed', counters.connectionsClosed],
    ['info_complete', counters.infoComplete],
    ['demarshal_error', counters.demarshalErrors],
    ['batch_index_complete', counters.batchComplete],
    ['batch_index_error', counters.batchErrors],
    ['migrate_allowed', true],
    ['migrate_partitions_remaining', 0],
  ])
}

function namespaceInfo(node: ServerNode, { path }: InfoCommand): string {
  const namespace = node.namespaces.get(path[0] ?? '')
  if (namespace === undefined) return 'type=unknown'
  return formatPairs([...namespacePairs(namespace), ...namespaceConfigPairs(namespace)])
}

function namespacePairs(namespace: Namespace): Pair[] {
  return [
    ['ns_cluster_size', 1],
    ['effective_replication_factor', 1],
    ['objects', namespace.objects],
    ['tombstones', 0],
    ['master_objects', namespace.objects],
    ['master_tombstones', 0],
    ['prole_objects', 0],
    ['prole_tombstones', 0],
    ['non_replica_objects', 0],
    ['dead_partitions', 0],
    ['unavailable_partitions', 0],
    ['clock_skew_stop_writes', false],
    ['stop_writes', false],
    ['hwm_breached', false],
    ['current_time', namespace.nowSeconds],
    ['evicted_objects', 0],
    ['truncate_lut', namespace.truncateBeforeMs],
    ['truncating', false],
    ['data_used_bytes', namespace.dataUsedBytes],
    ...namespace.statistics.entries(),
  ]
}

/** The answers about sets separate with colons, and end with a semicolon (protocol 2.7). */
function setPairs(set: RecordSet): string {
  const pairs: Pair[] = [
    ['objects', set.objects],
    ['tombstones', 0],
    ['data_used_bytes', set.dataUsedBytes],
    ['truncate_lut', set.truncateBeforeMs],
    ['sindexes', 0],
    ['index_populating', false],
    ['truncating', false],
    ['default-read-touch-ttl-pct', 0],
    ['default-ttl', set.defaultTtlSeconds],
    ['disable-eviction', false],
    ['enable-index', false],
    ['stop-writes-count', 0],
    ['stop-writes-size', 0],
  ]
  return `${pairs.map(([key, value]) => `${key}=${value}`).join(':')};`
}

function listedSets(namespace: Namespace): string {
  return Array.from(namespace.sets(), set => `ns=${namespace.name}:set=${set.name}:${setPairs(set)}`).join('')
}

function sets(node: ServerNode, { path }: InfoCommand): string {
  const [namespaceName = '', setName = ''] = path
  if (namespaceName === '') return Array.from(node.namespaces.values(), listedSets).join('')
  const namespace = node.namespaces.get(namespaceName)
  if (namespace === undefined) return 'ns_type=unknown'
  if (setName === '') return listedSets(namespace)
  const set = namespace.findSet(setName)
  return set === undefined ? '' : setPairs(set)
}

/** Counters of the server, its namespaces and sets (protocol 2.7). */
export const statisticsCommands: InfoTable = {
  statistics,
  namespaces: node => Array.from(node.namespaces.keys()).join(';'),
  namespace: namespaceInfo,
  sets,
}
