import { describe, expect, it } from '@jest/globals'
import { resolveSettings } from '../../../lib/settings/index.ts'
import { checkCluster } from '../../../lib/store/diagnosis/cluster-checks.ts'
import type { Finding } from '../../../lib/store/diagnosis/finding.ts'
import { checkNamespace } from '../../../lib/store/diagnosis/namespace-checks.ts'
import { type NodeFacts, parsePairs } from '../../../lib/store/diagnosis/node-facts.ts'

/** 2026-01-01 in milliseconds, and what a server's clock shows then. */
const NOW = 1_767_225_600_000
const SERVER_SECONDS = NOW / 1_000 - 1_262_304_000

const STATISTICS = 'cluster_size=1;cluster_key=A;cluster_integrity=true;cluster_clock_skew_ms=0'
const NAMESPACE = [
  `default-ttl=0;nsup-period=10;stop_writes=false;clock_skew_stop_writes=false;unavailable_partitions=0`,
  `storage-engine=memory;data_avail_pct=90;replication-factor=2;effective_replication_factor=1`,
  `strong-consistency=false;max-record-size=1048576;current_time=${SERVER_SECONDS}`,
].join(';')

interface Told {
  build?: string
  statistics?: string
  namespace?: string
}

/** A node of a healthy cluster that says something else in places. */
function node({ build = '8.1.2.0', statistics = '', namespace = '' }: Told = {}, name = 'A1'): NodeFacts {
  return {
    node: name,
    build,
    edition: 'Aerospike Community Edition',
    service: parsePairs('proto-fd-max=15000'),
    statistics: parsePairs(`${STATISTICS};${statistics}`),
    namespace: parsePairs(`${NAMESPACE};${namespace}`),
  }
}

function levels(findings: readonly Finding[]): Record<string, string> {
  return Object.fromEntries(
    findings.filter(({ level }) => level !== 'ok').map(({ check, level }) => [check, level]),
  )
}

describe('checks of the cluster', () => {
  const both = 'cluster_size=2'
  it.each<[string, NodeFacts[], Record<string, string>]>([
    ['one healthy node', [node()], {}],
    ['two in agreement', [node({ statistics: both }), node({ statistics: both }, 'A2')], {}],
    ['another major version', [node({ build: '7.2.0.1' })], { version: 'warning' }],
    ['a version with more digits', [node({ build: '80.0.0' })], { version: 'warning' }],
    [
      'two versions',
      [node({ statistics: both }), node({ statistics: both, build: '8.1.3.0' }, 'A2')],
      { version: 'warning' },
    ],
    [
      'nodes in two clusters',
      [node({ statistics: both }), node({ statistics: `${both};cluster_key=B` }, 'A2')],
      { cluster: 'failure' },
    ],
    ['different sizes', [node({ statistics: both }), node({}, 'A2')], { cluster: 'failure' }],
    ['no integrity', [node({ statistics: 'cluster_integrity=false' })], { cluster: 'failure' }],
    ['a node out of reach', [node({ statistics: both })], { cluster: 'warning' }],
    ['clocks apart', [node({ statistics: 'cluster_clock_skew_ms=1001' })], { 'clock skew': 'warning' }],
    [
      'our clock behind',
      [node({ namespace: `current_time=${SERVER_SECONDS + 31}` })],
      { 'local clock': 'warning' },
    ],
    [
      'our clock ahead',
      [node({ namespace: `current_time=${SERVER_SECONDS - 31}` })],
      { 'local clock': 'warning' },
    ],
    ['our clock at the bound', [node({ namespace: `current_time=${SERVER_SECONDS - 30}` })], {}],
  ])('%s', (_name, nodes, expected) => {
    expect(levels(checkCluster(nodes, () => NOW))).toEqual(expected)
  })
})

describe('checks of the namespace', () => {
  const check = (nodes: NodeFacts[], utxoBatchSize = 128): Record<string, string> =>
    levels(checkNamespace(nodes, 'utxo-store', resolveSettings({ utxoBatchSize })))

  it.each<[string, string, Record<string, string>]>([
    ['as it should be', '', {}],
    ['records expire', 'default-ttl=3600', { 'default-ttl': 'failure' }],
    ['nsup is off', 'nsup-period=0', { 'nsup-period': 'warning' }],
    ['full', 'stop_writes=true', { writes: 'failure' }],
    ['clocks stop writes', 'clock_skew_stop_writes=true', { writes: 'failure' }],
    ['partitions are gone', 'unavailable_partitions=7', { writes: 'failure' }],
    ['nearly full', 'data_avail_pct=19', { storage: 'warning' }],
    ['records too small', 'max-record-size=40000', { 'record size': 'failure' }],
    ['no limit of records', 'max-record-size=0', {}],
  ])('%s', (_name, namespace, expected) => {
    expect(check([node({ namespace })])).toEqual(expected)
  })

  it('asks for a copy of each record where there are several nodes', () => {
    const single = { namespace: 'replication-factor=1' }
    expect(check([node(single), node(single, 'A2')])).toEqual({
      replication: 'warning',
      consistency: 'warning',
    })
    const double = { namespace: 'effective_replication_factor=2;strong-consistency=true' }
    expect(check([node(double), node(double, 'A2')])).toEqual({})
  })

  it('measures a full page against the record size', () => {
    expect(check([node()], 20_000)).toEqual({ 'record size': 'failure' })
  })

  it('reports a namespace that one node lacks, and nothing that follows from it', () => {
    const lacking: NodeFacts = { ...node({}, 'A2'), namespace: parsePairs('type=unknown') }
    const findings = checkNamespace([node(), lacking], 'utxo-store', resolveSettings())
    expect(findings.map(({ check: name, level }) => [name, level])).toEqual([['namespace', 'failure']])
    expect(findings[0]?.message).toContain('A2')
    expect(findings[0]?.message).not.toContain('A1')
  })

  it('says for everything that is not well what to do', () => {
    const bad = node({
      namespace: 'default-ttl=9;nsup-period=0;stop_writes=true;data_avail_pct=1;max-record-size=1',
    })
    const findings = checkNamespace([bad], 'utxo-store', resolveSettings())
    for (const { level, mend } of findings) expect(mend === undefined).toBe(level === 'ok')
  })
})
