import Aerospike from 'aerospike'
import pRetry from 'p-retry'
import { messageOf, StoreError } from '../../errors/index.ts'
import { answeringHosts, complaints, type Host } from './answering-hosts.ts'
import { withSafeClose } from './safe-close.ts'

/** Queries are not admitted by the permits of batches; without room of their own one more batch would be refused. */
const CONNECTIONS_BESIDE_BATCHES = 16

export interface ConnectionOptions {
  hosts: readonly Host[]
  connectionsMax: number
  connectionsMin: number
  /**
   * Time in milliseconds for one attempt. The npm client blocks the event loop for its duration. Where it fails with
   * several hosts, they are asked which of them answer, for as long again, and those are tried.
   */
  connectTimeoutMs: number
  /** Attempts after the first, with a growing pause between them. */
  connectRetries: number
  signal?: AbortSignal | undefined
  onFailedAttempt?(event: { attempt: number; retriesLeft: number; error: Error }): void
  /** Connected, but not by these hosts: they do not answer, and the client will not ask them again. */
  onHostsLeftOut?(event: { hosts: readonly string[]; error: Error }): void
}

/** The npm client; its own typings stay out of this project's public ones. */
export type ClientConnection = Awaited<ReturnType<typeof connectClient>>

/**
 * Connects the npm client, trying again while no seed answers. Throws `STORAGE_UNAVAILABLE`, naming the hosts.
 */
export async function connectClient(options: ConnectionOptions) {
  const where = options.hosts.map(hostText).join(',')
  try {
    return await pRetry(() => attempt(options), {
      retries: options.connectRetries,
      minTimeout: 200,
      maxTimeout: 2_000,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      onFailedAttempt: ({ error, attemptNumber, retriesLeft }) =>
        options.onFailedAttempt?.({ attempt: attemptNumber, retriesLeft, error }),
    })
  } catch (error) {
    if (options.signal?.aborted) {
      throw new StoreError('CONTEXT_CANCELED', `connecting to ${where} was given up`, {
        cause: options.signal.reason,
      })
    }
    const told = await complaints(options.hosts, options.connectTimeoutMs)
    throw new StoreError(
      'STORAGE_UNAVAILABLE',
      `cannot connect to Aerospike at ${where}: ${[messageOf(error), ...told].join('; ')}. Is the server running and the address right?`,
      { cause: error },
    )
  }
}

function hostText({ host, port }: Host): string {
  return `${host}:${port}`
}

/**
 * The npm client takes one host that does not answer for its failure where those that do name no peers: a cluster of
 * one node, whose address stands among others.
 */
async function attempt(options: ConnectionOptions) {
  const { hosts, connectTimeoutMs } = options
  try {
    return await connect(options, hosts)
  } catch (error) {
    const answering = hosts.length > 1 ? await answeringHosts(hosts, connectTimeoutMs) : []
    if (answering.length === 0 || answering.length === hosts.length) throw error
    const client = await connect(options, answering)
    const leftOut = hosts.filter(host => !answering.includes(host)).map(hostText)
    options.onHostsLeftOut?.({ hosts: leftOut, error: error as Error })
    return client
  }
}

async function connect(options: ConnectionOptions, hosts: readonly Host[]) {
  // The configuration's own log level comes too late for a line that connecting writes to stderr.
  Aerospike.setDefaultLogging({ level: Aerospike.log.OFF })
  const client = withSafeClose(
    Aerospike.client({
      hosts: hosts.map(({ host, port }) => ({ addr: host, port })),
      maxConnsPerNode: options.connectionsMax + CONNECTIONS_BESIDE_BATCHES,
      minConnsPerNode: options.connectionsMin,
      connTimeoutMs: options.connectTimeoutMs,
      log: { level: Aerospike.log.OFF },
    }),
  )
  try {
    return await client.connect()
  } catch (error) {
    // A client that failed to connect holds the process until it is closed.
    await client.close(false)
    // p-retry takes nothing but errors of this realm for errors.
    throw new Error(messageOf(error))
  }
}
