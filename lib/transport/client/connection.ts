import Aerospike from 'aerospike'
import pRetry from 'p-retry'
import { messageOf, StoreError } from '../../errors/index.ts'
import { withSafeClose } from './safe-close.ts'

export interface Host {
  readonly host: string
  readonly port: number
}

/** Queries are not admitted by the permits of batches; without room of their own one more batch would be refused. */
const CONNECTIONS_BESIDE_BATCHES = 16

export interface ConnectionOptions {
  hosts: readonly Host[]
  connectionsMax: number
  connectionsMin: number
  /** Time in milliseconds for one attempt. The npm client blocks the event loop for its duration. */
  connectTimeoutMs: number
  /** Attempts after the first, with a growing pause between them. */
  connectRetries: number
  signal?: AbortSignal | undefined
  onFailedAttempt?(event: { attempt: number; retriesLeft: number; error: Error }): void
}

/** The npm client; its own typings stay out of this project's public ones. */
export type ClientConnection = Awaited<ReturnType<typeof connectClient>>

/**
 * Connects the npm client, trying again while no seed answers. Throws `STORAGE_UNAVAILABLE`, naming the hosts.
 */
export async function connectClient(options: ConnectionOptions) {
  const where = options.hosts.map(({ host, port }) => `${host}:${port}`).join(',')
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
    throw new StoreError(
      'STORAGE_UNAVAILABLE',
      `cannot connect to Aerospike at ${where}: ${messageOf(error)}. Is the server running and the address right?`,
      { cause: error },
    )
  }
}

async function attempt(options: ConnectionOptions) {
  // The configuration's own log level comes too late for a line that connecting writes to stderr.
  Aerospike.setDefaultLogging({ level: Aerospike.log.OFF })
  const client = withSafeClose(
    Aerospike.client({
      hosts: options.hosts.map(({ host, port }) => ({ addr: host, port })),
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
