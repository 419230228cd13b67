import { messageOf, StoreError } from '../../errors/index.ts'
import type { Settings, StoreUrl } from '../../settings/index.ts'
import { type ClientConnection, ClientTransport, type Host } from '../../transport/client/index.ts'
import type { ConnectionPermits, Transport } from '../../transport/index.ts'
import {
  Cluster,
  type ClusterChange,
  type ClusterOptions,
  WireTransport,
} from '../../transport/wire/index.ts'
import type { EventLogger } from '../logging/logger.ts'
import { clusterOptions, transportOptions, wantedTransport, wireTransportOptions } from './client-options.ts'
import type { TransportChoice } from './transport-choice.ts'

export interface ChosenTransport {
  readonly transport: Transport
  readonly choice: TransportChoice
  close(): Promise<void>
}

export interface ChooseOptions {
  readonly url: StoreUrl
  readonly settings: Settings
  readonly hosts: readonly Host[]
  /** The npm client, which is connected in any case: for administration and queries. */
  readonly client: ClientConnection
  readonly permits: ConnectionPermits | undefined
  readonly logger: EventLogger
  /** Ends the opening. */
  readonly signal?: AbortSignal | undefined
}

/** Releases that the tests of the wire transport cover: of another one, the npm client knows more. */
const COVERED_BUILDS = /^8\./

/**
 * Opens what carries the batches. With `auto` that is the wire transport where the cluster allows it, otherwise
 * the npm client. Throws `STORAGE_UNAVAILABLE` where the wire transport is asked for and the cluster does not
 * allow it.
 */
export async function chooseTransport(options: ChooseOptions): Promise<ChosenTransport> {
  const { url, settings, logger } = options
  const wanted = wantedTransport(url, settings)
  const chosen = wanted === 'client' ? overClient(options, 'asked for') : await overWire(options, wanted)
  const { choice } = chosen
  logger.info(
    { event: 'transport_chosen', ...choice },
    `batches go through the ${choice.transport} transport`,
  )
  return chosen
}

async function overWire(options: ChooseOptions, wanted: 'auto' | 'wire'): Promise<ChosenTransport> {
  const { url, settings, permits } = options
  try {
    const cluster = await openCluster(options)
    const transport = new WireTransport(cluster, { ...wireTransportOptions(url, settings), permits })
    const reason =
      wanted === 'wire' ? 'asked for' : `all nodes run ${[...new Set(cluster.builds)].join(', ')}`
    return {
      transport,
      choice: { transport: 'wire', reason },
      close: async () => transport.close(),
    }
  } catch (error) {
    const reason = messageOf(error)
    if (wanted === 'auto') return overClient(options, `the wire transport cannot serve here: ${reason}`)
    throw new StoreError(
      'STORAGE_UNAVAILABLE',
      `the wire transport cannot serve here: ${reason}. Ask for transport=auto or client`,
      { cause: error },
    )
  }
}

/** Nodes that ask for a login answer no question before it, and nodes that ask for TLS no plain byte. */
async function openCluster({ url, settings, hosts, logger, signal }: ChooseOptions): Promise<Cluster> {
  let isChosen = false
  const clusterSettings: ClusterOptions = {
    ...clusterOptions(url, settings),
    hosts,
    onChange: change => logChange(logger, change, isChosen),
  }
  const cluster = await Cluster.open(clusterSettings, signal)
  const refusal = refusalOf(cluster, url.namespace)
  if (refusal === undefined) {
    isChosen = true
    return cluster
  }
  cluster.close()
  throw new StoreError('STORAGE_UNAVAILABLE', refusal)
}

/**
 * A cluster may be upgraded under a store that is open, which takes its nodes as they come. Of those that are there at
 * its opening, the choice of the transport tells.
 */
function logChange(logger: EventLogger, { event, ...fields }: ClusterChange, isChosen: boolean): void {
  const { build } = fields
  if (event === 'node_removed') logger.info({ event: 'node_removed', ...fields }, 'a node was removed')
  else if (isChosen && !COVERED_BUILDS.test(build))
    logger.warn(
      { event: 'node_added', ...fields },
      `a node was added that runs ${build}, with which the wire transport was not tested`,
    )
  else logger.info({ event: 'node_added', ...fields }, 'a node was added')
}

function refusalOf(cluster: Cluster, namespace: string): string | undefined {
  const other = cluster.builds.find(build => !COVERED_BUILDS.test(build))
  if (other !== undefined) return `a node runs ${other}, and it was tested with 8 only`
  if (cluster.hasNamespace === undefined) return 'no node has told which partitions it has'
  if (!cluster.hasNamespace) return `no node has the namespace ${namespace}`
  if (cluster.isStronglyConsistent) return `the namespace ${namespace} is strongly consistent`
  return undefined
}

function overClient({ client, url, settings, permits }: ChooseOptions, reason: string): ChosenTransport {
  const transport = ClientTransport.over(client, { ...transportOptions(url, settings), permits })
  // The client itself belongs to the store's administration, which closes it.
  return { transport, choice: { transport: 'client', reason }, close: () => transport.close() }
}
