import { abandoned, releasedBy } from '../abandoned.ts'
import { admitted } from '../admitted.ts'
import type { ConnectionPermits } from '../connection-permits.ts'
import type { BatchOptions, BatchRow, RowAnswer, Transport } from '../transport.ts'
import { BatchRun, type BatchSurroundings } from './batch-run.ts'
import type { Cluster } from './cluster.ts'
import { KeyDigests, partitionOf } from './key-digest.ts'
import { BatchRequestBytes } from './request.ts'

export interface WireTransportOptions {
  readonly namespace: string
  /** Time in milliseconds for one attempt on one socket. */
  readonly socketTimeoutMs: number
  /** Attempts after the first, within a batch's total time. */
  readonly maxRetries: number
  /** The longest pause in milliseconds before one of these, where a node could not be reached; 0 for none. */
  readonly pauseMsMax: number
  /** Admits batches; without them as many are in flight as come. */
  readonly permits: ConnectionPermits | undefined
}

/** Request buffers that are kept for later batches: as many as are encoded before the first one is answered. */
const BUFFERS_KEPT = 64

/** Sends batches straight to the nodes of a cluster, in Aerospike's own protocol. */
export class WireTransport implements Transport {
  readonly preparesStatements = true
  readonly #cluster: Cluster
  readonly #options: WireTransportOptions
  readonly #digests = new KeyDigests()
  readonly #buffers: BatchRequestBytes[] = []
  #nextIndex = 0
  readonly #surroundings: BatchSurroundings

  constructor(cluster: Cluster, options: WireTransportOptions) {
    this.#cluster = cluster
    this.#options = options
    this.#surroundings = {
      nodeFor: (_row, digest, attempt) => cluster.only ?? cluster.owner(partitionOf(digest), attempt),
      digest: row => this.#digests.digest(row.key),
      suspectOwners: () => cluster.tendSoon(),
      takeBytes: () => this.#buffers.pop() ?? new BatchRequestBytes(options.namespace),
      giveBackBytes: bytes => {
        if (bytes.isReusable && this.#buffers.length < BUFFERS_KEPT) this.#buffers.push(bytes)
      },
      takeIndexes: count => {
        const first = this.#nextIndex
        this.#nextIndex = (first + count) >>> 0
        return first
      },
    }
  }

  async batchOperate(
    rows: readonly BatchRow[],
    { signal, timeout, once }: BatchOptions,
  ): Promise<readonly RowAnswer[]> {
    if (signal?.aborted) throw abandoned(signal)
    if (rows.length === 0) return []
    const { permits, socketTimeoutMs, maxRetries, pauseMsMax } = this.#options
    const send = (): Promise<readonly RowAnswer[]> =>
      new BatchRun(rows, this.#surroundings, {
        timeoutMs: timeout,
        attemptTimeoutMs: socketTimeoutMs,
        maxRetries,
        pauseMsMax,
        once,
        signal,
      }).answers()
    return releasedBy(signal, admitted(permits, { timeout, signal }, send))
  }

  close(): void {
    this.#cluster.close()
  }
}
