import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { messageOf } from '../../errors/index.ts'
import { openExternalStore } from '../../external/index.ts'
import type { StoreUrl } from '../../settings/index.ts'
import { released } from '../waiting/released.ts'
import { type Finding, failure, ok, warning } from './finding.ts'
import { type NodeFacts, numberOf } from './node-facts.ts'

/** Descriptors that a process has beside its connections to the cluster: files, logs, its own clients. */
const DESCRIPTORS_BESIDE = 128

/** A network's file system that is away answers nothing at all, not even an error. */
const EXTERNAL_STORE_MS_MAX = 10_000

/** Writes, reads and removes a body of random name. */
export async function checkExternalStore(
  url: StoreUrl,
  { signal, boundMs = EXTERNAL_STORE_MS_MAX }: { signal?: AbortSignal | undefined; boundMs?: number } = {},
): Promise<Finding> {
  const check = 'external store'
  if (url.externalStore === 'memory:')
    return url.scheme === 'embedded'
      ? ok(check, 'memory; it ends with the embedded server, as its records do')
      : warning(
          check,
          'memory: bodies of large transactions are lost when this process ends, their records are not',
          'Put externalStore=file:///var/lib/utxo, or another lasting place, into the store URL.',
        )
  try {
    await released(tryExternalStore(url.externalStore), { name: check, signal, boundMs })
  } catch (error) {
    return failure(
      check,
      `${url.externalStore} cannot be used: ${causesOf(error)}`,
      'Make the place exist and writable for this user, or correct externalStore in the store URL.',
    )
  }
  return ok(check, `${url.externalStore} takes, gives and removes bodies`)
}

async function tryExternalStore(address: string): Promise<void> {
  const txid = randomBytes(32).toString('hex')
  const body = randomBytes(64)
  const external = await openExternalStore(address)
  await external.set(txid, 'outputs', body)
  const read = await external.get(txid, 'outputs')
  await external.delete(txid, 'outputs')
  if (read === undefined || Buffer.compare(read, body) !== 0)
    throw new Error('what was read back is not what was written')
}

function causesOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return cause === undefined ? messageOf(error) : `${messageOf(error)} (${messageOf(cause)})`
}

/** Connections need descriptors here and on the server. */
export async function checkConnections(url: StoreUrl, nodes: readonly NodeFacts[]): Promise<Finding[]> {
  const perNode = url.connectionsMax
  return [
    checkDescriptors(perNode * nodes.length + DESCRIPTORS_BESIDE, await descriptorLimit()),
    checkServerConnections(perNode, nodes),
  ]
}

function checkDescriptors(needed: number, limit: number | undefined): Finding {
  const check = 'file descriptors'
  if (limit === undefined) return ok(check, `up to ${needed} needed; this system tells no limit`)
  return limit < needed
    ? failure(
        check,
        `up to ${needed} needed, ${limit} allowed for this process`,
        `Raise the limit (ulimit -n ${needed}, or LimitNOFILE of the service), or lower ConnectionQueueSize in the store URL.`,
      )
    : ok(check, `up to ${needed} needed, ${limit} allowed`)
}

function checkServerConnections(perNode: number, nodes: readonly NodeFacts[]): Finding {
  const check = 'server connections'
  for (const { node, service, statistics } of nodes) {
    const limit = numberOf(service, 'proto-fd-max')
    const used = numberOf(statistics, 'client_connections') ?? 0
    if (limit !== undefined && used + perNode > limit)
      return warning(
        check,
        `node ${node} allows ${limit} connections, ${used} are open, and this store may open ${perNode}`,
        'Raise proto-fd-max in aerospike.conf, or lower ConnectionQueueSize in the store URL.',
      )
  }
  return ok(check, `room for ${perNode} on every node`)
}

/** The soft limit of this process; undefined where the system has no such file or no limit. */
async function descriptorLimit(): Promise<number | undefined> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const soft = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1])
  return Number.isNaN(soft) ? undefined : soft
}
