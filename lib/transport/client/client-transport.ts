import { setTimeout as delay } from 'node:timers/promises'
import Aerospike from 'aerospike'
import { messageOf, StoreError } from '../../errors/index.ts'
import { RESULT_CODES } from '../../protocol/index.ts'
import { abandoned, releasedBy } from '../abandoned.ts'
import { admitted } from '../admitted.ts'
import { BatchError } from '../batch-error.ts'
import type { ConnectionPermits } from '../connection-permits.ts'
import type { BatchOptions, BatchRow, Bins, RowAnswer, Transport } from '../transport.ts'
import { type ClientRow, clientRow } from './client-rows.ts'
import type { ClientConnection } from './connection.ts'
import { requestParts } from './request-parts.ts'
import { type ClientAnswer, sendInParts } from './send-in-parts.ts'

/** The part of the npm client that this transport uses. */
export interface BatchClient {
  /** Has encoded the records when it returns; the array is emptied then. */
  batchWrite(records: ClientRow[], policy: unknown): Promise<ClientAnswer[]>
  getNodes(): readonly unknown[]
}

type BatchPolicy = InstanceType<typeof Aerospike.BatchPolicy>

export interface ClientTransportOptions {
  namespace: string
  /** Time in milliseconds for one attempt on one socket. */
  socketTimeoutMs: number
  /** Attempts after the first, within a batch's total time. */
  maxRetries: number
  /** Admits batches; without them as many are in flight as come. */
  permits: ConnectionPermits | undefined
  /** About how large a request may become; by default what every server takes. */
  requestBytesMax?: number
}

/** Nor may it be closed in the turn of the event loop in which one ended. */
const AFTER_BATCH_MS = 10

/** Sends batches through the npm `aerospike` client. */
export class ClientTransport implements Transport {
  readonly #client: BatchClient
  readonly #options: ClientTransportOptions
  #lastPolicy: BatchPolicy | undefined
  readonly #inFlight = new Set<Promise<void>>()

  constructor(client: BatchClient, options: ClientTransportOptions) {
    this.#client = client
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
    const records = rows.map(row => clientRow(row, this.#options.namespace))
    const { permits, maxRetries } = this.#options
    const retries = once === true ? 0 : maxRetries
    const ends = requestParts(rows, this.#options.requestBytesMax)
    const sendPart = (from: number, end: number, leftMs: number): Promise<ClientAnswer[]> =>
      this.#send(rows.slice(from, end), records.slice(from, end), this.#policy(leftMs, retries))
    const send = (): Promise<ClientAnswer[]> =>
      ends.length === 1
        ? this.#send(rows, records, this.#policy(timeout, retries))
        : sendInParts(rows, ends, { timeoutMs: timeout, signal }, sendPart)
    const answers = await releasedBy(signal, this.#track(admitted(permits, { timeout, signal }, send)))
    // The client answers by position (protocol 6.1: the row index travels with each answer).
    return answers.map((answer, index) => ({
      index,
      status: answer.status,
      bins: answer.status === 0 ? (answer.record?.bins as Bins | undefined) : undefined,
      inDoubt: answer.inDoubt === true,
      generation: answer.record?.gen,
    }))
  }

  /**
   * Resolves when no batch is in flight or waits for a connection any more, given-up ones included: the npm client
   * crashes the process when it is closed before. The client's own total time bounds each of them. The client stays
   * open.
   */
  async close(): Promise<void> {
    while (this.#inFlight.size > 0) await Promise.allSettled(this.#inFlight)
    await delay(AFTER_BATCH_MS)
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

  async #send(rows: readonly BatchRow[], records: ClientRow[], policy: unknown): Promise<ClientAnswer[]> {
    const hadOneNode = this.#hasOneNode
    try {
      const answered = this.#client.batchWrite(records, policy)
      // They are encoded, and the client would keep them until it is answered.
      records.length = 0
      const answers = await answered
      noteTimeouts(answers, rows)
      return answers
    } catch (error) {
      const isRead = rows.every(({ kind }) => kind === 'read')
      throw batchError(error, !isRead && rows.length > 1 && !(hadOneNode && this.#hasOneNode))
    }
  }

  get #hasOneNode(): boolean {
    try {
      return this.#client.getNodes().length === 1
    } catch {
      return false
    }
  }

  /**
   * Work that `close` waits for. Its end is noted, not its answer: V8 chains the tables of a Set whose elements come and
   * go, so that each survives with what was in it until a full collection, and an answer has megabytes.
   */
  #track<Result>(work: Promise<Result>): Promise<Result> {
    const note = (): void => void this.#inFlight.delete(end)
    const end: Promise<void> = work.then(note, note)
    this.#inFlight.add(end)
    return work
  }
}

/** A change that timed out is in doubt: a server answers so, too, when it has passed it on to a node that it hears no more of. */
function noteTimeouts(answers: readonly ClientAnswer[], rows: readonly BatchRow[]): void {
  for (const [index, answer] of answers.entries())
    if (answer?.status === RESULT_CODES.TIMEOUT && rows[index]?.kind !== 'read') answer.inDoubt = true
}

/**
 * The client's error without its `command`, which holds every row of the batch: logged or kept as a cause, it
 * would take megabytes. It is the error of one node, and so is its doubt; what has become of the rows that went to others
 * it does not tell (`isSpread`).
 */
function batchError(error: unknown, isSpread: boolean): StoreError {
  const { code, inDoubt } = error as { code?: unknown; inDoubt?: unknown }
  return typeof code === 'number'
    ? new BatchError(messageOf(error), code, inDoubt === true || isSpread)
    : new StoreError('STORAGE_ERROR', `the batch failed: ${messageOf(error)}`)
}
