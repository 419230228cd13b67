import { type Finding, failure, ok, warning } from './finding.ts'
import { type NodeFacts, numberOf, valuesOf } from './node-facts.ts'

/** Version of the servers that the conformance cases were recorded from and the tests run on. */
const COVERED_MAJOR = 8

/** Nodes discard writes for a skew that is far larger; one of this size already spoils times to live. */
const CLOCK_SKEW_MS_MAX = 1_000
/** Seconds between Aerospike's epoch, 2010-01-01, and that of Unix. */
const AEROSPIKE_EPOCH_SECONDS = 1_262_304_000
const LOCAL_CLOCK_SKEW_SECONDS_MAX = 30

export function checkCluster(nodes: readonly NodeFacts[], now: () => number): Finding[] {
  return [
    checkVersion(nodes),
    checkEdition(nodes),
    checkAgreement(nodes),
    checkSkew(nodes),
    checkLocalClock(nodes, now),
  ]
}

function checkVersion(nodes: readonly NodeFacts[]): Finding {
  const builds = valuesOf(nodes, node => node.build)
  const [first = ''] = builds
  if (builds.length > 1)
    return warning(
      'version',
      `the nodes run different versions: ${builds.join(', ')}`,
      'Finish the upgrade of the cluster.',
    )
  if (Number.parseInt(first, 10) !== COVERED_MAJOR)
    return warning(
      'version',
      `Aerospike ${first}: this library is tested with ${COVERED_MAJOR}.x`,
      `Run Aerospike ${COVERED_MAJOR}.x, or run the integration tests of this project against your cluster first.`,
    )
  return ok('version', `Aerospike ${first}`)
}

function checkEdition(nodes: readonly NodeFacts[]): Finding {
  return ok('edition', valuesOf(nodes, node => node.edition).join(', '))
}

/** Nodes that disagree about the cluster master the same partition twice: a split brain loses writes. */
function checkAgreement(nodes: readonly NodeFacts[]): Finding {
  const sizes = valuesOf(nodes, node => node.statistics.get('cluster_size'))
  const keys = valuesOf(nodes, node => node.statistics.get('cluster_key'))
  const whole = nodes.every(node => node.statistics.get('cluster_integrity') === 'true')
  const mend =
    'Look at the heartbeat configuration and the network between the nodes (asadm -e "info network").'
  if (sizes.length > 1 || keys.length > 1)
    return failure(
      'cluster',
      `the nodes disagree about their cluster: sizes ${sizes.join(', ')}, keys ${keys.join(', ')}`,
      mend,
    )
  if (!whole)
    return failure('cluster', 'a node reports that the cluster is not whole (cluster_integrity=false)', mend)
  const size = Number(sizes[0])
  if (size !== nodes.length)
    return warning(
      'cluster',
      `the cluster has ${size} nodes, this client reaches ${nodes.length}`,
      'Make the service address of every node reachable from here (access-address in aerospike.conf).',
    )
  return ok('cluster', size === 1 ? 'one node' : `${size} nodes, in agreement`)
}

function checkSkew(nodes: readonly NodeFacts[]): Finding {
  const skewMs = Math.max(0, ...nodes.map(node => numberOf(node.statistics, 'cluster_clock_skew_ms') ?? 0))
  if (skewMs > CLOCK_SKEW_MS_MAX)
    return warning(
      'clock skew',
      `the clocks of the nodes differ by ${skewMs} ms`,
      'Run a time service (chrony or ntpd) on every node.',
    )
  return ok('clock skew', `${skewMs} ms between the nodes`)
}

/** Creation locks expire by the server's clock and are judged by ours. */
function checkLocalClock(nodes: readonly NodeFacts[], now: () => number): Finding {
  const [seconds] = nodes.flatMap(node => numberOf(node.namespace, 'current_time') ?? [])
  if (seconds === undefined) return ok('local clock', 'the server tells no time to compare with')
  const skewSeconds = Math.round(now() / 1_000 - (seconds + AEROSPIKE_EPOCH_SECONDS))
  if (Math.abs(skewSeconds) > LOCAL_CLOCK_SKEW_SECONDS_MAX)
    return warning(
      'local clock',
      `the clock of this machine differs from the server's by ${skewSeconds} s`,
      'Run a time service (chrony or ntpd) on this machine and on the servers.',
    )
  return ok('local clock', `within ${LOCAL_CLOCK_SKEW_SECONDS_MAX} s of the server's`)
}
