import type { InfoCommand } from '../../protocol/index.ts'
import { AEROSPIKE_EPOCH_MS, aerospikeMs } from '../clock.ts'
import type { ServerNode } from '../server-node.ts'
import { type InfoTable, namespaceParameter } from './info-command.ts'
import { badParameter, missing, missingNamespace } from './info-error.ts'

const NANOSECONDS_PER_MS = 1_000_000n

/**
 * The time before which records go, in milliseconds since Aerospike's epoch: now, or the parameter `lut`, in
 * nanoseconds since the Unix epoch (protocol 11.4).
 */
function threshold(node: ServerNode, command: InfoCommand): number {
  const nowMs = aerospikeMs(node.clock)
  const lut = command.parameters.get('lut')
  if (lut === undefined) return nowMs
  if (!/^\d{1,20}$/.test(lut)) throw badParameter("bad 'lut'")
  const beforeMs = BigInt(lut) / NANOSECONDS_PER_MS - BigInt(AEROSPIKE_EPOCH_MS)
  if (beforeMs <= 0n) throw badParameter('would truncate to 0')
  if (beforeMs > BigInt(nowMs)) throw badParameter('would truncate in the future')
  return Number(beforeMs)
}

/**
 * Truncates on all nodes of the cluster.
 *
 * @param setName undefined for the whole namespace. An unknown namespace is no error.
 */
function truncate(node: ServerNode, command: InfoCommand, setName: string | undefined): string {
  const namespaceName = namespaceParameter(command)
  if (namespaceName === undefined) throw missingNamespace()
  const beforeMs = threshold(node, command)
  for (const { namespaces } of node.cluster.nodes())
    namespaces.get(namespaceName)?.truncate(setName, beforeMs)
  return 'ok'
}

function truncateSet(node: ServerNode, command: InfoCommand): string {
  if (namespaceParameter(command) === undefined) throw missingNamespace()
  const setName = command.parameters.get('set')
  if (setName === undefined) throw missing('set')
  return truncate(node, command, setName)
}

export const truncateCommands: InfoTable = {
  truncate: truncateSet,
  'truncate-namespace': (node, command) => truncate(node, command, undefined),
}
