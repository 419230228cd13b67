import Aerospike from 'aerospike'
import { describe, InvalidArgumentError, messageOf, StoreError } from '../../errors/index.ts'
import { ConnectionPermits } from '../connection-permits.ts'
import { statusText } from '../result-status.ts'
import type {
  BatchOptions,
  BatchRow,
  Bins,
  BinValue,
  RecordKey,
  RowAnswer,
  Transport,
  WriteRow,
} from '../transport.ts'
import { encodeValue } from './client-values.ts'
import type { ClientConnection } from './connection.ts'

/** The part of the npm client that this transport uses. */
export interface BatchClient {
  batchWrite(records: ClientRow[], policy: unknown): Promise<ClientAnswer[]>
}

/** A row in the npm client's form. */
export interface ClientRow {
  type: number
  key: unknown
  readAllBins?: boolean
  bins?: string[]
  ops?: unknown[]
  udf?: { module: string; funcname: string; args: unknown[] }
  policy?: unknown
}

type BatchPolicy = InstanceType<typeof Aerospike.BatchPolicy>

interface ClientAnswer {
  status: number
  inDoubt?: boolean
  record?: { bins?: Record<string, unknown> | undefined }
}

export interface ClientTransportOptions {
  namespace: string
  /** Time in milliseconds for one attempt on one socket. */
  socketTimeoutMs: number
  /** Attempts after the first, within a batch's total time. */
  maxRetries: number
  /** Connections to a node; as many batches are in flight at the most. */
  connectionsMax: number
}

/** How long a batch waits for a connection: a tenth of its time, and at least this (semantics 6.1). */
const PERMIT_WAIT_MS_MIN = 100

const { BATCH_READ, BATCH_WRITE, BATCH_APPLY, BATCH_REMOVE } = Aerospike.batchType
const { operations } = Aerospike

/** Sends batches through the npm `aerospike` client. */
export class ClientTransport implements Transport {
  readonly #client: BatchClient
  readonly #options: ClientTransportOptions
  readonly #permits: ConnectionPermits
  #lastPolicy: BatchPolicy | undefined

  constructor(client: BatchClient, options: ClientTransportOptions) {
    this.#client = client
    this.#permits = new ConnectionPermits(options.connectionsMax)
    this.#options = options
  }

  static over(client: ClientConnection, options: ClientTransportOptions): ClientTransport {
    // The npm client's typings give a row's status a type that also holds functions.
    return new ClientTransport(client as unknown as BatchClient, options)
  }

  async batchOperate(
    rows: readonly BatchRow[],
    { signal, timeout, once }: BatchOptions,
  ): Promise<readonly RowAnswer[]> {
    if (signal?.aborted) throw abandoned(signal)
    if (rows.length === 0) return []
    const records = rows.map(row => this.#clientRow(row))
    const policy = this.#policy(timeout, once === true ? 0 : this.#options.maxRetries)
    const waitMs = Math.max(PERMIT_WAIT_MS_MIN, timeout / 10)
    const answers = await releasedBy(
      signal,
      this.#permits.withPermit({ waitMs, signal }, () => this.#send(records, policy)),
    )
    // The client answers by position (protocol 6.1: the row index travels with each answer).
    return answers.map((answer, index) => ({
      index,
      status: answer.status,
      bins: answer.status === 0 ? (answer.record?.bins as Bins | undefined) : undefined,
      inDoubt: answer.inDoubt === true,
    }))
  }

  /** Batches nearly always have the same time, and the client only reads its policy. */
  #policy(totalTimeout: number, maxRetries: number): BatchPolicy {
    const last = this.#lastPolicy
    if (last?.totalTimeout !== totalTimeout || last.maxRetries !== maxRetries) {
      this.#lastPolicy = new Aerospike.BatchPolicy({
        totalTimeout,
        socketTimeout: this.#options.socketTimeoutMs,
        maxRetries,
        respondAllKeys: true,
        concurrent: true,
      })
    }
    return this.#lastPolicy as BatchPolicy // set above, if not before
  }

  async #send(records: ClientRow[], policy: unknown): Promise<ClientAnswer[]> {
    try {
      return await this.#client.batchWrite(records, policy)
    } catch (error) {
      throw batchError(error)
    }
  }

  #clientRow(row: BatchRow): ClientRow {
    const key = this.#clientKey(row.key)
    switch (row.kind) {
      case 'read':
        return row.bins === 'all'
          ? { type: BATCH_READ, key, readAllBins: true }
          : { type: BATCH_READ, key, bins: [...row.bins] }
      case 'write':
        return { type: BATCH_WRITE, key, ops: writeOperations(row), policy: WRITE_POLICIES[row.exists] }
      case 'apply':
        return {
          type: BATCH_APPLY,
          key,
          udf: { module: row.module, funcname: row.function, args: row.args.map(encodeValue) },
        }
      case 'remove':
        return { type: BATCH_REMOVE, key }
    }
  }

  #clientKey({ set, userKey }: RecordKey): unknown {
    if (userKey.length === 0) throw new InvalidArgumentError('userKey', 'at least one byte', userKey)
    return new Aerospike.Key(
      this.#options.namespace,
      set,
      typeof userKey === 'string' ? userKey : (encodeValue(userKey) as Buffer),
    )
  }
}

/**
 * Batched writes are sent with "use the namespace's default" time to live (semantics 1.1), which the store
 * requires to be 0, and never with the user key.
 */
const WRITE_POLICIES = {
  any: new Aerospike.BatchWritePolicy({
    exists: Aerospike.policy.exists.IGNORE,
    ttl: Aerospike.ttl.NAMESPACE_DEFAULT,
  }),
  'create-only': new Aerospike.BatchWritePolicy({
    exists: Aerospike.policy.exists.CREATE,
    ttl: Aerospike.ttl.NAMESPACE_DEFAULT,
  }),
  'update-only': new Aerospike.BatchWritePolicy({
    exists: Aerospike.policy.exists.UPDATE,
    ttl: Aerospike.ttl.NAMESPACE_DEFAULT,
  }),
} as const

function writeOperations(row: WriteRow): unknown[] {
  return row.operations.map(operation => {
    // The npm client's typings do not know that a value of null deletes the bin.
    const value = operation.kind === 'unset' ? null : encodeValue(operation.value as BinValue)
    return operations.write(operation.bin, value as Parameters<typeof operations.write>[1])
  })
}

/**
 * The client's error without its `command`, which holds every row of the batch: logged or kept as a cause, it
 * would take megabytes.
 */
function batchError(error: unknown): StoreError {
  const { code, inDoubt } = error as { code?: unknown; inDoubt?: unknown }
  const status = typeof code === 'number' ? `, ${statusText(code)}` : ''
  const doubt = inDoubt === true ? '; rows may have been applied' : ''
  return new StoreError('STORAGE_ERROR', `the batch failed: ${messageOf(error)}${status}${doubt}`)
}

function releasedBy<Answer>(signal: AbortSignal | undefined, pending: Promise<Answer>): Promise<Answer> {
  if (signal === undefined) return pending
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abandoned(signal))
    signal.addEventListener('abort', onAbort, { once: true })
    pending.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

function abandoned(signal: AbortSignal): StoreError {
  return new StoreError('CONTEXT_CANCELED', `the batch was given up: ${describe(signal.reason)}`, {
    cause: signal.reason,
  })
}
