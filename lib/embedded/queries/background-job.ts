import {
  FIELD_TYPES,
  type Field,
  findField,
  INFO1,
  INFO2,
  INFO3,
  type Message,
  RESULT_CODES,
} from '../../protocol/index.ts'
import { badRequest, CommandError } from '../command-error.ts'
import { executeRecordCommand } from '../commands/record-command.ts'
import type { RecordRequest } from '../commands/record-request.ts'
import { lastMessageFrame } from '../commands/reply-frames.ts'
import { stackOf } from '../log.ts'
import { operationHandler } from '../operations/index.ts'
import type { ServerNode } from '../server-node.ts'
import type { Namespace } from '../storage/namespace.ts'
import type { StoredRecord } from '../storage/stored-record.ts'
import type { Job, JobDescription } from './job.ts'
import { canMatchIn, matchesIn } from './matches.ts'
import { ALL_PARTITIONS } from './partition-request.ts'
import { nameField, recordsPerSecond, socketTimeoutMs, taskId } from './query-fields.ts'
import { type RecordSelection, recordSelection } from './record-selection.ts'
import { Throttle } from './throttle.ts'

/** Records a second that a background job may ask for, and gets when it does not. */
const RECORDS_PER_SECOND_MAX = 10_000
/** A job works this long before others get their turn. */
const STEP_MS = 5
/** Which conditions of the request hold for the writes: a job asks for no generation, and creates nothing. */
const KEPT_INFO2 = INFO2.WRITE | INFO2.DURABLE_DELETE
const KEPT_INFO3 = INFO3.REPLACE_ONLY | INFO3.CREATE_OR_REPLACE

/**
 * Starts a job that writes each record it finds (protocol 10.6), and answers that it was started.
 *
 * @throws CommandError for a request that cannot be run; NOT_FOUND when its set does not exist
 */
export function startBackgroundOperations(node: ServerNode, namespace: Namespace, message: Message): Buffer {
  if ((message.info1 & INFO1.READ) !== 0 || message.operations.length === 0) {
    throw badRequest('background query that reads, or does nothing')
  }
  for (const { code } of message.operations) {
    if (operationHandler(code)?.access === 'read') throw badRequest('read in a background query')
  }
  return start(node, message, { type: 'background-ops', ...commonDescription(namespace, message) })
}

/** As startBackgroundOperations, for a function that is called on each record (protocol 7.11). @throws CommandError */
export function startBackgroundUdf(node: ServerNode, namespace: Namespace, message: Message): Buffer {
  const { fields } = message
  const isWhole = [FIELD_TYPES.UDF_FUNCTION, FIELD_TYPES.UDF_ARGUMENTS].every(type => findField(fields, type))
  if (!isWhole) throw badRequest('call without function or arguments')
  const udf = {
    moduleName: nameField(fields, FIELD_TYPES.UDF_MODULE),
    functionName: nameField(fields, FIELD_TYPES.UDF_FUNCTION),
  }
  return start(node, message, { type: 'background-udf', udf, ...commonDescription(namespace, message) })
}

function commonDescription(namespace: Namespace, { fields }: Message): Omit<JobDescription, 'type' | 'udf'> {
  const selection = recordSelection(namespace, fields)
  if (selection.setName !== '' && namespace.findSet(selection.setName) === undefined) {
    throw new CommandError(RESULT_CODES.NOT_FOUND)
  }
  const rate = recordsPerSecond(fields)
  if (rate > RECORDS_PER_SECOND_MAX) throw badRequest(`${rate} records a second`)
  return {
    id: taskId(fields),
    selection,
    recordsPerSecond: rate === 0 ? RECORDS_PER_SECOND_MAX : rate,
    socketTimeoutMs: socketTimeoutMs(fields),
  }
}

function start(node: ServerNode, message: Message, description: JobDescription): Buffer {
  const job = node.jobs.start(description)
  const reply = lastMessageFrame(RESULT_CODES.OK)
  job.bytesSent = reply.length
  new BackgroundJob(node, message, job).start()
  return reply
}

/** Writes the records of a selection, some at a time. */
class BackgroundJob {
  readonly #node: ServerNode
  readonly #message: Message
  readonly #job: Job
  readonly #selection: RecordSelection
  readonly #throttle: Throttle
  readonly #steps: Iterator<void, void>

  constructor(node: ServerNode, message: Message, job: Job) {
    this.#node = node
    this.#message = message
    this.#job = job
    this.#selection = { ...job.description.selection, filter: undefined }
    this.#throttle = new Throttle(node.clock, job.description.recordsPerSecond)
    this.#steps = this.#run()
  }

  start(): void {
    this.#node.jobs.later(() => this.#work())
  }

  /** Goes on until the time is up, or the job is ahead of its rate. */
  #work(): void {
    const endMs = performance.now() + STEP_MS
    try {
      while (performance.now() < endMs && this.#throttle.waitMs === 0) {
        if (!this.#job.isAborted && this.#steps.next().done !== true) continue
        this.#job.finish('ok')
        return
      }
    } catch (error) {
      this.#node.log('error', `background job failed: ${stackOf(error)}`)
      this.#job.finish('abandoned-unknown')
      return
    }
    this.#node.jobs.later(() => this.#work(), this.#throttle.waitMs)
  }

  *#run(): Generator<void, void> {
    let partitionsDone = 0
    for (const partition of ALL_PARTITIONS) {
      if (this.#hasWorkIn(partition.partitionId)) {
        for (const match of matchesIn(this.#selection, partition, this.#job)) {
          if (match !== undefined) this.#write(match.record)
          yield
        }
      }
      this.#job.progress = ++partitionsDone / ALL_PARTITIONS.length
      yield
    }
  }

  #hasWorkIn(partitionId: number): boolean {
    return this.#node.cluster.masters(partitionId) && canMatchIn(this.#selection, partitionId)
  }

  #write(record: StoredRecord): void {
    this.#throttle.count()
    this.#job.recordsThrottled++
    const { resultCode } = executeRecordCommand(this.#node, this.#request(record))
    if (resultCode === RESULT_CODES.OK) this.#job.recordsSucceeded++
    else if (resultCode === RESULT_CODES.FILTERED_OUT) this.#job.recordsFiltered++
    // Records that went away meanwhile are nobody's failure.
    else if (resultCode !== RESULT_CODES.NOT_FOUND) this.#job.recordsFailed++
  }

  #request(record: StoredRecord): RecordRequest {
    const message = this.#message
    const isUdf = this.#job.description.type === 'background-udf'
    return {
      namespace: this.#selection.namespace,
      digest: record.digest,
      info1: 0,
      info2: message.info2 & KEPT_INFO2,
      info3: isUdf ? 0 : (message.info3 & KEPT_INFO3) | INFO3.UPDATE_ONLY,
      info4: 0,
      generation: 0,
      recordTtl: message.recordTtl,
      timeoutMs: message.transactionTtl,
      fields: this.#fieldsFor(record),
      operations: { list: isUdf ? [] : message.operations },
      batchFilter: undefined,
      inBatch: false,
    }
  }

  /** A write has to name the set of its record, which the job may not have named. */
  #fieldsFor(record: StoredRecord): readonly Field[] {
    const set = { type: FIELD_TYPES.SET, data: Buffer.from(record.set?.name ?? '', 'latin1') }
    return [set, ...this.#message.fields.filter(({ type }) => type !== FIELD_TYPES.SET)]
  }
}
