import { isIPv6 } from 'node:net'
import { arch, platform } from 'node:os'
import { type InfoCommand, PARTITION_COUNT, RESULT_CODES } from '../../protocol/index.ts'
import type { Peer } from '../cluster/cluster-view.ts'
import type { ServerNode } from '../server-node.ts'
import type { InfoTable } from './info-command.ts'
import { badParameter, enterpriseOnly, InfoError, missing } from './info-error.ts'

/** The release whose behaviour this server follows; clients choose their syntax by it (protocol 2.5). */
export const BUILD = '8.1.2.0'
export const EDITION = 'Aerospike Community Edition'
/** Releases that can form a cluster with this one say the same (protocol 2.3). */
export const COMPATIBILITY_ID = 15
/** The port of peers that are listed without one: there are none. */
const DEFAULT_PORT = 3000

const FEATURES = [
  'batch-any',
  'batch-index',
  'blob-bits',
  'cdt-index',
  'cdt-list',
  'cdt-map',
  'cluster-stable',
  'float',
  'geo',
  'sindex-exists',
  'peers',
  'pipelining',
  'pquery',
  'pscans',
  'query-show',
  'relaxed-sc',
  'replicas',
  'replicas-all',
  'replicas-master',
  'replicas-max',
  'truncate-namespace',
  'udf',
]

function address({ host, port }: Peer): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
}

function forEachNamespace(node: ServerNode, format: (name: string) => string): string {
  return Array.from(node.namespaces.keys(), format).join(';')
}

/** For each copy of the partitions those that a node has as this copy: a bit each, in base64 (protocol 2.4). */
function ownedPartitions({ cluster }: ServerNode): string[] {
  const bitmaps = Array.from({ length: cluster.replicationFactor }, () => Buffer.alloc(PARTITION_COUNT / 8))
  for (let partitionId = 0; partitionId < PARTITION_COUNT; partitionId++) {
    const bitmap = bitmaps[cluster.replicaIndex(partitionId) ?? -1]
    const byte = partitionId >> 3
    if (bitmap !== undefined) bitmap[byte] = (bitmap[byte] ?? 0) | (0x80 >> (partitionId & 7))
  }
  return bitmaps.map(bitmap => bitmap.toString('base64'))
}

/** `<namespace>:<regime>,<count>,<bitmaps>`; regime 0 = a namespace that prefers availability. */
function replicas(node: ServerNode): string {
  const bitmaps = ownedPartitions(node)
  return forEachNamespace(node, name => [`${name}:0`, bitmaps.length, ...bitmaps].join())
}

function replicasAll(node: ServerNode): string {
  const bitmaps = ownedPartitions(node)
  return forEachNamespace(node, name => [`${name}:${bitmaps.length}`, ...bitmaps].join())
}

function replicasMaster(node: ServerNode): string {
  const [bitmap] = ownedPartitions(node)
  return forEachNamespace(node, name => `${name}:${bitmap}`)
}

/** `<generation>,<default port>,[[<name>,<TLS name>,[<address>,…]],…]` */
function peers({ cluster }: ServerNode): string {
  const others = cluster.peers().map(peer => `[${peer.name},,[${address(peer)}]]`)
  return `${cluster.peersGeneration},${DEFAULT_PORT},[${others}]`
}

function services({ cluster }: ServerNode): string {
  return cluster.peers().map(address).join(';')
}

function setUserAgent(_node: ServerNode, command: InfoCommand): string {
  const value = command.parameters.get('value')
  if (value === undefined) throw missing('value')
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(value)) throw badParameter("'value' invalid base64")
  return 'ok'
}

function clusterStable({ cluster }: ServerNode, { parameters }: InfoCommand): string {
  const size = parameters.get('size')
  if (size !== undefined && size !== String(cluster.size)) {
    throw new InfoError(RESULT_CODES.CLUSTER_KEY_MISMATCH, 'cluster not specified size')
  }
  if (cluster.migrations.all > 0 && parameters.get('ignore-migrations') !== 'true') {
    throw new InfoError(RESULT_CODES.CLUSTER_KEY_MISMATCH, 'unstable cluster')
  }
  return cluster.key
}

function refuse(): never {
  throw enterpriseOnly()
}

/** Who the node is and how to reach it: what clients ask when they connect and tend (protocol 2.2, 2.3). */
export const identityCommands: InfoTable = {
  node: node => node.name,
  name: node => node.name,
  build: () => BUILD,
  edition: () => EDITION,
  version: () => `${EDITION} build ${BUILD}`,
  build_os: () => platform(),
  build_arch: () => arch(),
  'compatibility-id': () => String(COMPATIBILITY_ID),
  features: () => FEATURES.join(';'),
  status: () => 'ok',
  digests: () => 'RIPEMD160',
  partitions: () => String(PARTITION_COUNT),
  'partition-generation': node => String(node.cluster.partitionGeneration),
  'peers-generation': node => String(node.cluster.peersGeneration),
  'rebalance-generation': node => String(node.cluster.generation),
  'cluster-name': node => node.clusterName ?? 'null',
  'cluster-stable': clusterStable,
  'peers-clear-std': peers,
  'peers-clear-alt': peers,
  'alumni-clear-std': peers,
  'service-clear-std': address,
  'service-clear-alt': address,
  service: address,
  services,
  'services-alumni': services,
  replicas,
  'replicas-all': replicasAll,
  'replicas-master': replicasMaster,
  // Not as the community edition answers: its error makes a rack-aware client reload everything each second.
  'rack-ids': node => forEachNamespace(node, name => `${name}:0`),
  'user-agent-set': setUserAgent,
  'peers-tls-std': refuse,
  'peers-tls-alt': refuse,
  'service-tls-std': refuse,
  'service-tls-alt': refuse,
  racks: refuse,
  roster: refuse,
  'feature-key': refuse,
  masking: refuse,
  quiesce: refuse,
  'quiesce-undo': refuse,
  recluster: () => 'ok',
  'xdr-dc-state': refuse,
  'xdr-set-filter': refuse,
  'xdr-get-filter': refuse,
}
