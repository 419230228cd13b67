import {
  BATCH_FLAGS,
  BatchRequest,
  type BatchRow,
  FIELD_TYPES,
  FRAME_TYPES,
  findField,
  INFO1,
  INFO3,
  type Message,
  ProtocolError,
  RESULT_CODES,
} from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import { compileFilter } from '../expressions/index.ts'
import type { ServerNode } from '../server-node.ts'
import { deadlineOf, executeWhenOwned } from './owned-command.ts'
import { requestedNamespace } from './preconditions.ts'
import { executeRecordCommand } from './record-command.ts'
import { type RecordReply, replyWithCode } from './record-reply.ts'
import type { RecordRequest } from './record-request.ts'
import {
  beginFrame,
  endFrame,
  isEmptyFrame,
  lastMessageFrame,
  NOTHING_TO_SEND,
  ROWS_FRAME_BYTES,
  writeReply,
} from './reply-frames.ts'

/** After this many rows the batch can be interrupted, also when there is nothing to send. */
const ROWS_PER_STEP = 256
/** Room for a frame of rows: a buffer that grows is copied again and again. */
const ROWS_FRAME_CAPACITY_BYTES = ROWS_FRAME_BYTES + 16 * 1024
const ROW_BYTES_EXPECTED = 128

/** Rows that are not run, by their index, and the result codes that they answer instead: injected faults. */
export type RowRefusals = ReadonlyMap<number, number>

/** Result codes of rows that do not make a batch fail. */
const SOFT_CODES: ReadonlySet<number> = new Set([
  RESULT_CODES.OK,
  RESULT_CODES.NOT_FOUND,
  RESULT_CODES.FILTERED_OUT,
])

/**
 * Runs the rows of a batch in order and yields the frames of its reply (protocol 6.2, 6.3). Nothing runs
 * ahead of what was taken: a client that does not read its reply holds up its own rows only. Empty buffers
 * among the frames are moments at which other connections may be served.
 */
export function* batchReply(
  node: ServerNode,
  message: Message,
  refusals?: RowRefusals,
): Generator<Buffer | Promise<void>, void> {
  const batch = decodeBatch(node, message)
  if (typeof batch === 'number') {
    node.statistics.batchErrors++
    yield lastMessageFrame(batch)
    return
  }
  const runnable = runnableRows(node, batch)
  yield* rowFrames(node, message, batch, runnable, refusals)
  if (runnable === batch.rowCount) node.statistics.batchComplete++
  else node.statistics.batchErrors++
}

/** An unknown namespace fails the whole batch, but the rows in front of it are run (protocol 6.4). */
function runnableRows(node: ServerNode, { namespaces, rowCount }: BatchRequest): number {
  const unknown = [...namespaces].find(([name]) => !node.namespaces.has(name))
  return unknown === undefined ? rowCount : unknown[1]
}

/** The filter of the header, for the rows that have none of their own. */
function filterOf(message: Message): Buffer | undefined {
  return findField(message.fields, FIELD_TYPES.FILTER)
}

/** The rows, or the result code of the whole batch. */
function decodeBatch(node: ServerNode, message: Message): BatchRequest | number {
  const data =
    findField(message.fields, FIELD_TYPES.BATCH) ?? findField(message.fields, FIELD_TYPES.BATCH_WITH_SET)
  if (data === undefined) return RESULT_CODES.PARAMETER
  try {
    const batch = new BatchRequest(data)
    const { batchRequestsMax } = node.config
    if (batchRequestsMax > 0 && batch.rowCount > batchRequestsMax) return RESULT_CODES.BATCH_MAX_REQUESTS
    // Also when every row has a filter of its own.
    const filter = filterOf(message)
    if (filter !== undefined) compileFilter(filter)
    return batch
  } catch (error) {
    if (error instanceof ProtocolError) return RESULT_CODES.PARAMETER
    if (error instanceof CommandError) return error.resultCode
    throw error
  }
}

function* rowFrames(
  node: ServerNode,
  message: Message,
  batch: BatchRequest,
  runnable: number,
  refusals: RowRefusals | undefined,
): Generator<Buffer | Promise<void>, void> {
  const respondAll = (batch.flags & BATCH_FLAGS.RESPOND_ALL_KEYS) !== 0
  const reportErrorRows = (batch.flags & BATCH_FLAGS.REPORT_ERROR_ROWS) !== 0
  const deadlineMs = deadlineOf(message.transactionTtl)
  let failure: number = RESULT_CODES.OK
  const batchFilter = filterOf(message)
  let writer = beginFrame(Math.min(ROWS_FRAME_CAPACITY_BYTES, batch.rowCount * ROW_BYTES_EXPECTED))
  const isWhole = runnable === batch.rowCount
  let silent = !isWhole
  let rowsInStep = 0
  let rowsLeft = runnable
  for (const row of batch.rows()) {
    if (rowsLeft-- === 0) break
    if (++rowsInStep > ROWS_PER_STEP) {
      yield NOTHING_TO_SEND
      rowsInStep = 0
    }
    const refusal = refusals?.get(row.index)
    const request = rowRequest(node, message, row, batchFilter)
    let reply: RecordReply
    if (refusal !== undefined) reply = replyWithCode(refusal)
    else if (node.cluster.isAlone) reply = executeRecordCommand(node, request)
    else reply = yield* executeWhenOwned(node, request, deadlineMs)
    // The last failure is what the batch ends with, also when the rows are no longer reported.
    if (!respondAll && !SOFT_CODES.has(reply.resultCode)) failure = reply.resultCode
    if (silent) continue
    writeReply(writer, reply, row.index)
    const isFull = writer.length >= ROWS_FRAME_BYTES
    if (failure !== RESULT_CODES.OK && !reportErrorRows) silent = true
    else if (isFull) {
      yield endFrame(writer, FRAME_TYPES.MESSAGE)
      writer = beginFrame(ROWS_FRAME_CAPACITY_BYTES)
      // Rows go on being executed, but the first frame with a failed one is the last that is sent.
      silent = failure !== RESULT_CODES.OK
    }
  }
  const hasRows = !isEmptyFrame(writer) && (failure === RESULT_CODES.OK || reportErrorRows)
  if (hasRows) yield endFrame(writer, FRAME_TYPES.MESSAGE)
  yield lastMessageFrame(isWhole ? failure : RESULT_CODES.PARAMETER)
}

function rowRequest(
  node: ServerNode,
  message: Message,
  row: BatchRow,
  batchFilter: Buffer | undefined,
): RecordRequest {
  const { template } = row
  const namespace = requestedNamespace(node, template.fields)
  // Rows of unknown namespaces are not run; a namespace never goes away.
  if (namespace === undefined) throw new RangeError('row of a batch without a namespace')
  return {
    namespace,
    digest: row.digest,
    info1: template.info1 & ~INFO1.BATCH,
    info2: template.info2,
    info3: template.info3 & ~INFO3.LAST,
    info4: template.info4,
    generation: template.generation,
    recordTtl: template.recordTtl,
    timeoutMs: message.transactionTtl,
    fields: template.fields,
    operations: template.operations,
    batchFilter,
    inBatch: true,
  }
}
