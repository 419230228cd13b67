import type { Settings } from '../../settings/index.ts'
import { type Finding, failure, ok, warning } from './finding.ts'
import { type NodeFacts, numberOf, valuesOf } from './node-facts.ts'

const DATA_AVAILABLE_PERCENT_MIN = 20
/** One slot of a spent output, with its place in the list (semantics 1.4). */
const SLOT_BYTES = 68 + 4
/** Inputs, outputs and other bins of a transaction that is kept inside its record (semantics 1.8). */
const BODY_BYTES_MAX = 32_768 + 4_096

export function checkNamespace(
  nodes: readonly NodeFacts[],
  namespace: string,
  settings: Settings,
): Finding[] {
  const missing = nodes.filter(node => !node.namespace.has('default-ttl'))
  if (missing.length > 0)
    return [
      failure(
        'namespace',
        `${missing.map(({ node }) => `node ${node}`).join(', ')}: no namespace ${namespace}`,
        'Correct the path of the store URL, or add the namespace to aerospike.conf on every node and restart it.',
      ),
    ]
  const inform = { nodes, namespace }
  return [
    ok('namespace', `${namespace} is on ${nodes.length === 1 ? 'the node' : `all ${nodes.length} nodes`}`),
    checkDefaultTtl(inform),
    checkExpiration(inform),
    checkWrites(inform),
    checkStorage(inform),
    checkReplication(inform),
    checkConsistency(inform),
    checkRecordSize(inform, settings),
  ]
}

interface NamespaceFacts {
  readonly nodes: readonly NodeFacts[]
  readonly namespace: string
}

/** Batched writes take the namespace's time to live: anything but "never" loses outputs (semantics 1.1). */
function checkDefaultTtl({ nodes, namespace }: NamespaceFacts): Finding {
  const values = valuesOf(nodes, node => node.namespace.get('default-ttl'))
  return values.every(value => value === '0')
    ? ok('default-ttl', '0: records never expire by themselves')
    : failure(
        'default-ttl',
        `${values.join(', ')}: records would expire and their outputs be lost`,
        `Set default-ttl 0 in namespace ${namespace}: asinfo -v "set-config:context=namespace;id=${namespace};default-ttl=0", and in aerospike.conf.`,
      )
}

function checkExpiration({ nodes, namespace }: NamespaceFacts): Finding {
  const periods = valuesOf(nodes, node => node.namespace.get('nsup-period'))
  return periods.includes('0')
    ? warning(
        'nsup-period',
        '0: creation locks with a time to live would never be removed',
        `asinfo -v "set-config:context=namespace;id=${namespace};nsup-period=10", and in aerospike.conf.`,
      )
    : ok('nsup-period', `${periods.join(', ')} s`)
}

function checkWrites({ nodes, namespace }: NamespaceFacts): Finding {
  for (const flag of ['stop_writes', 'clock_skew_stop_writes']) {
    const stopped = nodes.filter(node => node.namespace.get(flag) === 'true')
    if (stopped.length > 0)
      return failure(
        'writes',
        `${stopped.map(({ node }) => `node ${node}`).join(', ')} refuses writes to ${namespace}: ${flag}`,
        flag === 'stop_writes'
          ? 'Free storage or memory, add a node, or prune (utxo-store prune).'
          : 'Synchronise the clocks of the nodes (chrony or ntpd).',
      )
  }
  const unavailable = nodes.map(node => numberOf(node.namespace, 'unavailable_partitions') ?? 0)
  const most = Math.max(0, ...unavailable)
  if (most > 0)
    return failure(
      'writes',
      `${most} partitions are unavailable`,
      'Bring the missing nodes back, then see asadm -e "show stat namespace".',
    )
  return ok('writes', 'accepted')
}

function checkStorage({ nodes }: NamespaceFacts): Finding {
  const engines = valuesOf(nodes, node => node.namespace.get('storage-engine')).join(', ')
  const available = nodes.flatMap(node => numberOf(node.namespace, 'data_avail_pct') ?? [])
  if (available.length === 0) return ok('storage', `engine ${engines}; the server tells no limit`)
  const least = Math.min(...available)
  return least < DATA_AVAILABLE_PERCENT_MIN
    ? warning(
        'storage',
        `engine ${engines}, ${least} % available on the fullest node`,
        'Add storage or a node, or prune (utxo-store prune), before writes are refused.',
      )
    : ok('storage', `engine ${engines}, at least ${least} % available`)
}

function checkReplication({ nodes, namespace }: NamespaceFacts): Finding {
  const wanted = Math.min(...nodes.map(node => numberOf(node.namespace, 'replication-factor') ?? 1))
  const effective = Math.min(
    ...nodes.map(node => numberOf(node.namespace, 'effective_replication_factor') ?? wanted),
  )
  if (nodes.length > 1 && effective < 2)
    return warning(
      'replication',
      `one copy of each record on ${nodes.length} nodes: a lost node loses outputs`,
      `Set replication-factor 2 in namespace ${namespace} of aerospike.conf on every node and restart them one by one.`,
    )
  return ok('replication', nodes.length === 1 ? 'one node, one copy' : `${effective} copies of each record`)
}

function checkConsistency({ nodes }: NamespaceFacts): Finding {
  const strong = valuesOf(nodes, node => node.namespace.get('strong-consistency'))
  if (strong.includes('true')) return ok('consistency', 'strong')
  return nodes.length === 1
    ? ok('consistency', 'available mode; with one node there is nothing to disagree about')
    : warning(
        'consistency',
        'available mode: a network split can let both sides accept a spend of the same output',
        'On the enterprise edition set strong-consistency true; otherwise keep the nodes in one network segment and alarm on cluster_size.',
      )
}

/** A full page of spent outputs has to fit, beside a body that is just not kept outside. */
function checkRecordSize({ nodes, namespace }: NamespaceFacts, { utxoBatchSize }: Settings): Finding {
  const limits = nodes
    .flatMap(node => numberOf(node.namespace, 'max-record-size') ?? [])
    .filter(limit => limit > 0)
  const needed = utxoBatchSize * SLOT_BYTES + BODY_BYTES_MAX
  if (limits.length === 0) return ok('record size', `${needed} bytes needed; the server sets no limit`)
  const limit = Math.min(...limits)
  return limit < needed
    ? failure(
        'record size',
        `${utxoBatchSize} outputs in a record need up to ${needed} bytes, max-record-size is ${limit}`,
        `Raise max-record-size of namespace ${namespace}, or use a smaller utxoBatchSize (only for a new set).`,
      )
    : ok('record size', `up to ${needed} bytes needed for ${utxoBatchSize} outputs, ${limit} allowed`)
}
