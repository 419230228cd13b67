import {
  type ByteWriter,
  FIELD_TYPES,
  FRAME_TYPES,
  findField,
  INFO1,
  type Message,
  RESULT_CODES,
} from '../../protocol/index.ts'
import { badRequest, CommandError } from '../command-error.ts'
import {
  beginFrame,
  endFrame,
  isEmptyFrame,
  lastMessageFrame,
  NOTHING_TO_SEND,
  ROWS_FRAME_BYTES,
} from '../commands/reply-frames.ts'
import type { ServerNode } from '../server-node.ts'
import type { Namespace } from '../storage/namespace.ts'
import { Job } from './job.ts'
import { canMatchIn, matchesIn } from './matches.ts'
import { type PartitionRequest, partitionRequests } from './partition-request.ts'
import { recordsMax, recordsPerSecond, socketTimeoutMs, taskId } from './query-fields.ts'
import { QueryRows, writePartitionUnavailable } from './query-rows.ts'
import { type RecordSelection, recordSelection } from './record-selection.ts'

/** After this many partitions a query can be interrupted, also when nothing is in them. */
const PARTITIONS_PER_STEP = 64

/**
 * Checks a query whose rows the client waits for, and starts it: a scan, or a query on an index (protocol 10.2).
 *
 * @throws CommandError for a request that cannot be answered
 */
export function foregroundQuery(
  node: ServerNode,
  namespace: Namespace,
  message: Message,
): Iterator<Buffer, void> {
  const { fields } = message
  const isShort = (message.info1 & INFO1.SHORT_QUERY) !== 0
  const selection = recordSelection(namespace, fields)
  const partitions = partitionRequests(fields, selection.byIndex !== undefined)
  const rows = new QueryRows(namespace, message)
  const max = recordsMax(fields)
  const resumed = partitions.filter(({ after }) => after !== undefined).length
  const description = {
    id: taskId(fields),
    type: 'basic',
    selection,
    recordsPerSecond: recordsPerSecond(fields),
    socketTimeoutMs: socketTimeoutMs(fields),
    partitionsRequested: { whole: partitions.length - resumed, resumed },
  } as const
  const asksRate = findField(fields, FIELD_TYPES.RECORDS_PER_SECOND) !== undefined
  if (isShort && asksRate) throw badRequest('short query with a rate, if only of 0')
  const job = isShort ? new Job(description, node.clock) : node.jobs.start(description)
  return new ForegroundQuery(node, selection, partitions, rows, max, job).frames()
}

/** Reads partitions one after the other and makes frames of their rows. Nothing runs ahead of what is taken. */
class ForegroundQuery {
  readonly #node: ServerNode
  readonly #selection: RecordSelection
  readonly #partitions: readonly PartitionRequest[]
  readonly #rows: QueryRows
  readonly #job: Job
  #recordsLeft: number
  #writer: ByteWriter = beginFrame()

  constructor(
    node: ServerNode,
    selection: RecordSelection,
    partitions: readonly PartitionRequest[],
    rows: QueryRows,
    recordsMax: number,
    job: Job,
  ) {
    this.#node = node
    this.#selection = selection
    this.#partitions = partitions
    this.#rows = rows
    this.#recordsLeft = recordsMax
    this.#job = job
  }

  /** The frames of the answer. Empty buffers among them are moments at which others may be served. */
  *frames(): Generator<Buffer, void> {
    const job = this.#job
    try {
      let partitionsDone = 0
      for (const partition of this.#partitions) {
        if (this.#recordsLeft <= 0 || job.isAborted) break
        if (!this.#isSurelyEmpty(partition)) yield* this.#partitionFrames(partition)
        job.progress = ++partitionsDone / this.#partitions.length
        if (partitionsDone % PARTITIONS_PER_STEP === 0) yield NOTHING_TO_SEND
      }
      if (!isEmptyFrame(this.#writer)) yield this.#takeFrame()
      const last = lastMessageFrame(job.isAborted ? RESULT_CODES.QUERY_ABORT : RESULT_CODES.OK)
      job.bytesSent += last.length
      job.finish('ok')
      yield last
    } catch (error) {
      if (!(error instanceof CommandError)) throw error
      // A filter that takes too long.
      job.finish('abandoned-unknown')
      yield lastMessageFrame(error.resultCode)
    } finally {
      // Reached early when the client has gone.
      job.finish('abandoned-response-error')
    }
  }

  /** Most partitions are, for a query that finds little. */
  #isSurelyEmpty({ partitionId }: PartitionRequest): boolean {
    return this.#node.cluster.masters(partitionId) && !canMatchIn(this.#selection, partitionId)
  }

  *#partitionFrames(partition: PartitionRequest): Generator<Buffer, void> {
    const { partitionId } = partition
    if (this.#node.cluster.masters(partitionId)) {
      for (const match of matchesIn(this.#selection, partition, this.#job)) {
        if (match === undefined) yield NOTHING_TO_SEND
        else {
          if (this.#rows.write(this.#writer, match)) this.#job.recordsSucceeded++
          else this.#job.recordsFailed++
          if (--this.#recordsLeft <= 0) return
          if (this.#writer.length >= ROWS_FRAME_BYTES) yield this.#takeFrame()
        }
        if (this.#job.isAborted) return
      }
    }
    // Asked again: it may have gone to another node meanwhile, where the client has to look for the rest.
    if (!this.#node.cluster.masters(partitionId)) writePartitionUnavailable(this.#writer, partitionId)
  }

  #takeFrame(): Buffer {
    const frame = endFrame(this.#writer, FRAME_TYPES.MESSAGE)
    this.#job.bytesSent += frame.length
    this.#writer = beginFrame()
    return frame
  }
}
