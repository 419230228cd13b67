import { setTimeout as delay } from 'node:timers/promises'
import Aerospike from 'aerospike'
import { messageOf, StoreError } from '../../errors/index.ts'
import {
  type PartitionRange,
  type Queries,
  QueryError,
  type QueryOptions,
  type QueryRecord,
  type QueryRequest,
} from '../queries.ts'
import { isInfrastructureFailure, statusText } from '../result-status.ts'
import type { Bins } from '../transport.ts'
import { clientExpression } from './client-filter.ts'
import type { ClientConnection } from './connection.ts'

export interface ClientQueriesOptions {
  namespace: string
  /** The set of queries that name none. */
  set: string
  /** Total time in milliseconds for one slice of a query. */
  totalTimeoutMs: number
  /** Time in milliseconds for one attempt on one socket; the idle timeout of a query, where that is shorter. */
  socketTimeoutMs: number
  /** Attempts after the first, within the total time. */
  maxRetries: number
}

/** The client gives every record its digest; its typings do not say so. */
const NO_DIGEST = new Uint8Array(20)

const PARTITIONS = 4096
/** Partitions of the first slice; later ones grow or shrink towards the records that a slice should have. */
const FIRST_SLICE = 16
const SLICE_RECORDS = 4096

/**
 * Queries through the npm client. Its stream has no back-pressure, and its pages end by breaking the
 * connection, so a query is split into slices of partitions instead: each is read as a whole, then handed
 * out, before the next is asked for.
 */
export class ClientQueries implements Queries {
  readonly #client: ClientConnection
  readonly #options: ClientQueriesOptions
  readonly #streams = new Set<Promise<void>>()

  constructor(client: ClientConnection, options: ClientQueriesOptions) {
    this.#client = client
    this.#options = options
  }

  async *query(request: QueryRequest, options: QueryOptions): AsyncGenerator<QueryRecord, void, void> {
    const { begin, count } = request.partitions ?? { begin: 0, count: PARTITIONS }
    const end = begin + count
    let left = request.maxRecords ?? Number.POSITIVE_INFINITY
    let size = FIRST_SLICE
    for (let next = begin; next < end && left > 0; ) {
      const slice = { begin: next, count: Math.min(size, end - next) }
      const records = await this.#slice(request, slice, left, options).catch((error: unknown) => {
        throw queryError(error, { begin: slice.begin, count: end - slice.begin }, options.signal)
      })
      yield* records
      left -= records.length
      next += slice.count
      options.onPartitions?.(slice.count)
      size = nextSize(slice.count, records.length)
    }
  }

  /** All records of a slice; nothing is handed out of a slice that failed half-way. */
  async #slice(
    request: QueryRequest,
    slice: PartitionRange,
    left: number,
    { signal, idleTimeoutMs }: QueryOptions,
  ): Promise<QueryRecord[]> {
    signal?.throwIfAborted()
    const query = this.#client.query(this.#options.namespace, request.set ?? this.#options.set, {
      ...(request.bins.length === 0 ? { nobins: true } : { select: [...request.bins] }),
      ...(Number.isFinite(left) ? { maxRecords: left } : {}),
    })
    query.partitions(slice.begin, slice.count)
    if (request.index !== undefined)
      query.where(Aerospike.filter.range(request.index.bin, ...request.index.range))
    const policy = new Aerospike.QueryPolicy({
      totalTimeout: this.#options.totalTimeoutMs,
      socketTimeout: Math.min(idleTimeoutMs, this.#options.socketTimeoutMs),
      maxRetries: this.#options.maxRetries,
      ...(request.filter === undefined ? {} : { filterExpression: clientExpression(request.filter) }),
    } as ConstructorParameters<typeof Aerospike.QueryPolicy>[0])
    return new Promise((resolve, reject) => {
      // Never aborted: an aborted stream breaks its connection and says that it ended before it has.
      const stream = query.foreach(policy)
      const end = this.#streamBegun()
      const records: QueryRecord[] = []
      let lastAtMs = performance.now()
      const leave = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
      }
      const fail = (error: unknown): void => {
        leave()
        reject(error)
      }
      const onAbort = (): void => fail(signal?.reason)
      const onIdle = (): void => {
        const idleMs = performance.now() - lastAtMs
        if (idleMs < idleTimeoutMs) timer = setTimeout(onIdle, idleTimeoutMs - idleMs)
        else
          fail(new StoreError('SERVICE_UNAVAILABLE', `the query gave no record within ${idleTimeoutMs} ms`))
      }
      let timer = setTimeout(onIdle, idleTimeoutMs)
      signal?.addEventListener('abort', onAbort, { once: true })
      stream.on('data', record => {
        lastAtMs = performance.now()
        records.push({ digest: record.key.digest ?? NO_DIGEST, bins: record.bins as unknown as Bins })
      })
      stream.on('error', (error: unknown) => {
        end()
        fail(error)
      })
      stream.on('end', () => {
        end()
        leave()
        resolve(records)
      })
    })
  }

  /** Resolves when no slice is being read any more, given-up ones included. */
  async close(): Promise<void> {
    await Promise.all(this.#streams)
  }

  #streamBegun(): () => void {
    let end: () => void = () => {}
    const over = new Promise<void>(resolve => {
      end = resolve
    })
      .then(() => delay(AFTER_STREAM_MS))
      .finally(() => this.#streams.delete(over))
    this.#streams.add(over)
    return end
  }
}

/**
 * The npm client crashes the process when it is closed while a stream runs, or in the turn of the event loop in
 * which one ended.
 */
const AFTER_STREAM_MS = 10

/** Twice the size at the most, so that one empty region does not lead to a slice of millions. */
function nextSize(partitions: number, records: number): number {
  const wanted = Math.floor((partitions * SLICE_RECORDS) / Math.max(1, records))
  return Math.max(1, Math.min(wanted, partitions * 2))
}

function queryError(error: unknown, remaining: PartitionRange, signal: AbortSignal | undefined): QueryError {
  if (signal?.aborted)
    return new QueryError('CONTEXT_CANCELED', 'the query was given up by the signal', remaining, {
      cause: signal.reason,
    })
  if (error instanceof StoreError && error.code === 'SERVICE_UNAVAILABLE')
    return new QueryError('SERVICE_UNAVAILABLE', error.message, remaining, { isTransient: true })
  const { code } = error as { code?: unknown }
  const status = typeof code === 'number' ? `, ${statusText(code)}` : ''
  return new QueryError('STORAGE_ERROR', `the query failed: ${messageOf(error)}${status}`, remaining, {
    isTransient: typeof code === 'number' && isInfrastructureFailure(code),
  })
}
