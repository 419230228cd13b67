import { isIPv6 } from 'node:net'
import { arch, platform } from 'node:os'
import { type InfoCommand, PARTITION_COUNT, RESULT_CODES } from '../../protocol/index.ts'
import type { ServerNode } from '../server-node.ts'
import type { InfoTable } from './info-command.ts'
import { badParameter, enterpriseOnly, InfoError, missing } from './info-error.ts'

/** The release whose behaviour this server follows; clients choose their syntax by it (protocol 2.5). */
export const BUILD = '8.1.2.0'
export const EDITION = 'Aerospike Community Edition'
const COMPATIBILITY_ID = 15
/** The port that peers are said to use by default. It matters to nobody while there are no peers. */
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

/** All partitions, in base64 with padding: this node is master of every one (protocol 2.4). */
const ALL_PARTITIONS = Buffer.alloc(PARTITION_COUNT / 8, 0xff).toString('base64')

function address({ host, port }: ServerNode): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
}

function forEachNamespace(node: ServerNode, format: (name: string) => string): string {
  return Array.from(node.namespaces.keys(), format).join(';')
}

function replicas(node: ServerNode): string {
  return forEachNamespace(node, name => `${name}:0,1,${ALL_PARTITIONS}`)
}

function peers(): string {
  return `0,${DEFAULT_PORT},[]`
}

function setUserAgent(_node: ServerNode, command: InfoCommand): string {
  const value = command.parameters.get('value')
  if (value === undefined) throw missing('value')
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(value)) throw badParameter("'value' invalid base64")
  return 'ok'
}

function clusterStable(node: ServerNode, command: InfoCommand): string {
  const size = command.parameters.get('size')
  if (size !== undefined && size !== '1') {
    throw new InfoError(RESULT_CODES.CLUSTER_KEY_MISMATCH, 'cluster not specified size')
  }
  return node.clusterKey
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
  'partition-generation': () => '0',
  'peers-generation': () => '0',
  'rebalance-generation': () => '1',
  'cluster-name': node => node.clusterName ?? 'null',
  'cluster-stable': clusterStable,
  'peers-clear-std': peers,
  'peers-clear-alt': peers,
  'alumni-clear-std': peers,
  'service-clear-std': address,
  'service-clear-alt': address,
  service: address,
  services: () => '',
  'services-alumni': () => '',
  replicas,
  'replicas-all': node => forEachNamespace(node, name => `${name}:1,${ALL_PARTITIONS}`),
  'replicas-master': node => forEachNamespace(node, name => `${name}:${ALL_PARTITIONS}`),
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
