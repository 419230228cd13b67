import type { InfoCommand } from '../../protocol/index.ts'
import type { LatencyHistogram } from '../latency-histogram.ts'
import type { ServerNode } from '../server-node.ts'
import type { InfoTable } from './info-command.ts'
import { badParameter } from './info-error.ts'

/** All histograms by the name that they are asked for with. */
function* histograms(node: ServerNode): Generator<readonly [string, LatencyHistogram]> {
  for (const namespace of node.namespaces.values()) {
    for (const [name, histogram] of namespace.statistics.latencies) {
      yield [`{${namespace.name}}-${name}`, histogram]
    }
  }
}

/** Unit, operations a second, percentages above 1, 2, 4 … ms; nothing for one that was never used (protocol 2.7). */
function described(name: string, histogram: LatencyHistogram): string {
  const summary = histogram.summary(performance.now())
  if (summary === undefined) return `${name}:`
  const percentages = summary.percentAbove.map(percent => percent.toFixed(2))
  return `${name}:msec,${summary.perSecond.toFixed(1)},${percentages.join(',')}`
}

function latencies(node: ServerNode, command: InfoCommand): string {
  const asked = command.parameters.get('hist')
  const found = Array.from(histograms(node)).filter(([name]) => asked === undefined || name === asked)
  if (found.length === 0) throw badParameter('bad hist name')
  return found.map(([name, histogram]) => described(name, histogram)).join(';')
}

/** How long commands took in the last ten seconds (protocol 2.7). */
export const latencyCommands: InfoTable = { latencies }
