import { freemem, totalmem } from 'node:os'
import type { ServerNode } from '../server-node.ts'
import { COMPATIBILITY_ID } from './identity.ts'
import { formatPairs, type InfoPair, type InfoTable } from './info-command.ts'

const KIB = 1024

function statistics(node: ServerNode): string {
  return formatPairs([
    ['failed_best_practices', false],
    ...clusterPairs(node),
    ['uptime', Math.floor((node.clock.nowMs() - node.startedAtMs) / 1000)],
    ...memoryPairs(),
    ...connectionPairs(node),
    ...workPairs(node),
  ])
}

function clusterPairs({ cluster, namespaces }: ServerNode): InfoPair[] {
  const { migrations } = cluster
  let objects = 0
  for (const namespace of namespaces.values()) objects += namespace.objects
  return [
    ['cluster_size', cluster.size],
    ['cluster_key', cluster.key],
    ['cluster_generation', cluster.generation],
    ['cluster_principal', cluster.principal],
    ['paxos_principal', cluster.principal],
    ['cluster_min_compatibility_id', COMPATIBILITY_ID],
    ['cluster_max_compatibility_id', COMPATIBILITY_ID],
    ['cluster_integrity', true],
    ['cluster_is_member', true],
    ['cluster_duplicate_nodes', 'null'],
    ['cluster_clock_skew_stop_writes_sec', 0],
    ['cluster_clock_skew_ms', 0],
    ['cluster_clock_skew_outliers', 'null'],
    ['objects', objects],
    ['tombstones', 0],
    ['migrate_allowed', true],
    ['migrate_partitions_remaining', migrations.incoming + migrations.outgoing],
  ]
}

/** Of the machine, and of the process that the server is in, whatever else runs in it. */
function memoryPairs(): InfoPair[] {
  const freeKib = Math.floor(freemem() / KIB)
  const freePercent = Math.floor((100 * freemem()) / totalmem())
  const { heapUsed, heapTotal, external, rss } = process.memoryUsage()
  return [
    ['system_free_mem_kbytes', freeKib],
    ['system_free_mem_pct', freePercent],
    ['host_free_mem_kbytes', freeKib],
    ['host_free_mem_pct', freePercent],
    ['heap_allocated_kbytes', Math.floor((heapUsed + external) / KIB)],
    ['heap_active_kbytes', Math.floor((heapTotal + external) / KIB)],
    ['heap_mapped_kbytes', Math.floor(rss / KIB)],
  ]
}

/** There are no connections but those of clients: nodes of one process need none between them. */
function connectionPairs({ statistics: counters }: ServerNode): InfoPair[] {
  return [
    ['client_connections', counters.connectionsOpened - counters.connectionsClosed],
    ['client_connections_opened', counters.connectionsOpened],
    ['client_connections_closed', counters.connectionsClosed],
    ['admin_connections', 0],
    ['heartbeat_connections', 0],
    ['fabric_connections', 0],
    ['reaped_fds', 0],
  ]
}

function workPairs({ statistics: counters, jobs }: ServerNode): InfoPair[] {
  return [
    ['info_complete', counters.infoComplete],
    ['demarshal_error', counters.demarshalErrors],
    ['long_queries_active', jobs.all().filter(job => job.isActive).length],
    ['batch_index_initiate', counters.batchComplete + counters.batchErrors],
    ['batch_index_complete', counters.batchComplete],
    ['batch_index_error', counters.batchErrors],
    ['batch_index_timeout', 0],
  ]
}

/** Counters and health of the server (protocol 2.7). What is not watched here is not told. */
export const statisticsCommands: InfoTable = {
  statistics,
  'best-practices': () => 'failed_best_practices=none',
  'health-stats': () => '',
  'health-outliers': () => '',
}
