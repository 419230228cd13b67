import {
  FIELD_TYPES,
  FRAME_TYPES,
  findField,
  INFO1,
  type Message,
  OPERATION_CODES,
  PARTICLE_TYPES,
  RESULT_CODES,
  writeMessageHeader,
  writeOperation,
} from '../../protocol/index.ts'
import { badRequest, CommandError } from '../command-error.ts'
import { beginFrame, endFrame, lastMessageFrame, NOTHING_TO_SEND } from '../commands/reply-frames.ts'
import { FAILURE_BIN, SUCCESS_BIN, seenByFunction } from '../commands/udf.ts'
import { TIMEOUT_MS_DEFAULT } from '../limits.ts'
import type { AggregateOutcome, Particle } from '../lua/index.ts'
import type { ServerNode } from '../server-node.ts'
import type { Namespace } from '../storage/namespace.ts'
import type { Job } from './job.ts'
import { canMatchIn, type Match, matchesIn } from './matches.ts'
import { ALL_PARTITIONS, type PartitionRequest } from './partition-request.ts'
import { nameField, recordsPerSecond, socketTimeoutMs, taskId } from './query-fields.ts'
import { recordSelection } from './record-selection.ts'

const PARTITIONS_PER_STEP = 64

interface StreamFunction {
  readonly moduleName: string
  readonly functionName: string
  /** A msgpack list. */
  readonly args: Buffer
  readonly timeoutMs: number
}

/**
 * Runs the server's part of a stream function over the records of a query, partition by partition, and answers
 * each value that it emits (protocol 7.12).
 *
 * @throws CommandError for a request that cannot be run; NOT_FOUND when its set does not exist
 */
export function aggregation(
  node: ServerNode,
  namespace: Namespace,
  message: Message,
): Iterator<Buffer, void> {
  const { fields } = message
  if ((message.info1 & INFO1.SHORT_QUERY) !== 0) throw badRequest('short aggregation')
  if (findField(fields, FIELD_TYPES.FILTER) !== undefined) {
    throw new CommandError(RESULT_CODES.UNSUPPORTED_FEATURE, 'aggregation with a filter')
  }
  const stream = streamFunction(message)
  const selection = recordSelection(namespace, fields)
  if (selection.setName !== '' && namespace.findSet(selection.setName) === undefined) {
    throw new CommandError(RESULT_CODES.NOT_FOUND)
  }
  const job = node.jobs.start({
    id: taskId(fields),
    type: 'aggregation',
    selection,
    recordsPerSecond: recordsPerSecond(fields),
    socketTimeoutMs: socketTimeoutMs(fields),
  })
  return frames(node, stream, job)
}

function streamFunction({ fields, transactionTtl }: Message): StreamFunction {
  const args = findField(fields, FIELD_TYPES.UDF_ARGUMENTS)
  if (args === undefined || findField(fields, FIELD_TYPES.UDF_FUNCTION) === undefined) {
    throw badRequest('aggregation without function or arguments')
  }
  return {
    moduleName: nameField(fields, FIELD_TYPES.UDF_MODULE),
    functionName: nameField(fields, FIELD_TYPES.UDF_FUNCTION),
    args,
    timeoutMs: transactionTtl || TIMEOUT_MS_DEFAULT,
  }
}

function* frames(node: ServerNode, stream: StreamFunction, job: Job): Generator<Buffer, void> {
  try {
    let partitionsDone = 0
    for (const partition of ALL_PARTITIONS) {
      if (job.isAborted) break
      const outcome = node.cluster.masters(partition.partitionId)
        ? partitionOutcome(node, stream, job, partition)
        : undefined
      if (outcome !== undefined) yield outcomeFrame(outcome, job)
      if (outcome?.kind === 'failure') {
        job.finish('abandoned-unknown')
        yield lastMessageFrame(RESULT_CODES.UNKNOWN)
        return
      }
      job.progress = ++partitionsDone / ALL_PARTITIONS.length
      if (partitionsDone % PARTITIONS_PER_STEP === 0) yield NOTHING_TO_SEND
    }
    const resultCode = job.isAborted ? RESULT_CODES.QUERY_ABORT : RESULT_CODES.OK
    job.finish('ok')
    yield lastMessageFrame(resultCode)
  } finally {
    // Reached early when the client has gone.
    job.finish('abandoned-response-error')
  }
}

/** What the function makes of a partition; undefined when no record of it matches: the function is not called. */
function partitionOutcome(
  node: ServerNode,
  stream: StreamFunction,
  job: Job,
  partition: PartitionRequest,
): AggregateOutcome | undefined {
  const { selection } = job.description
  if (!canMatchIn(selection, partition.partitionId)) return undefined
  const { namespace } = selection
  const matches = [...matchesIn(selection, partition, job)].filter(
    (match): match is Match => match !== undefined,
  )
  if (matches.length === 0) return undefined
  job.recordsSucceeded += matches.length
  const records = matches.map(({ record }) =>
    seenByFunction(namespace, record.digest, record.set?.name ?? '', record),
  )
  return node.udf.aggregate(stream.moduleName, stream.functionName, records, stream.args, stream.timeoutMs)
}

function outcomeFrame(outcome: AggregateOutcome, job: Job): Buffer {
  const writer = beginFrame()
  const values: readonly Particle[] =
    outcome.kind === 'success'
      ? outcome.values
      : [{ type: PARTICLE_TYPES.STRING, value: Buffer.from(outcome.message, 'utf8') }]
  // An empty frame would be no reply.
  if (values.length === 0) return NOTHING_TO_SEND
  for (const { type, value } of values) {
    writeMessageHeader(writer, { operationCount: 1 })
    const name = outcome.kind === 'success' ? SUCCESS_BIN : FAILURE_BIN
    writeOperation(writer, OPERATION_CODES.READ, type, name, value)
  }
  const frame = endFrame(writer, FRAME_TYPES.MESSAGE)
  job.bytesSent += frame.length
  return frame
}
