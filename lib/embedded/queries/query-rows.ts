import {
  type ByteWriter,
  FIELD_TYPES,
  type Field,
  findField,
  INFO1,
  INFO2,
  INFO3,
  type Message,
  OPERATION_CODES,
  type Operation,
  PARTICLE_TYPES,
  RESULT_CODES,
  writeField,
  writeMessageHeader,
} from '../../protocol/index.ts'
import { badRequest, CommandError } from '../command-error.ts'
import { readBins } from '../commands/read.ts'
import type { RecordReply } from '../commands/record-reply.ts'
import type { RecordRequest } from '../commands/record-request.ts'
import { writeKey } from '../indexes/index-key.ts'
import { BIN_NAME_BYTES_MAX } from '../limits.ts'
import { operationHandler } from '../operations/index.ts'
import type { Namespace } from '../storage/namespace.ts'
import type { Match } from './matches.ts'

const NO_BYTES = Buffer.alloc(0)

/** What of its records a query answers. */
export class QueryRows {
  readonly #namespaceName: Buffer
  /** What a read of one of the records would have asked for. */
  readonly #read: Omit<RecordRequest, 'digest'>
  readonly #withoutBins: boolean
  readonly #respondsAll: boolean

  /** @throws CommandError PARAMETER for operations that no query can have */
  constructor(namespace: Namespace, message: Message) {
    const operations = [...message.operations, ...listedBins(message.fields)]
    for (const operation of operations) refuseOperation(operation)
    this.#namespaceName = Buffer.from(namespace.name, 'latin1')
    this.#withoutBins = (message.info1 & INFO1.GET_NO_BINS) !== 0
    this.#respondsAll = (message.info2 & INFO2.RESPOND_ALL_OPS) !== 0
    this.#read = {
      namespace,
      info1: infoOfRead(this.#withoutBins, operations.length > 0),
      info2: message.info2 & INFO2.RESPOND_ALL_OPS,
      info3: 0,
      info4: 0,
      generation: 0,
      recordTtl: 0,
      timeoutMs: message.transactionTtl,
      fields: [],
      operations: { list: operations },
      batchFilter: undefined,
      inBatch: false,
    }
  }

  /** Appends the row of a record; false when it has none of the bins, or an operation on it failed. */
  write(writer: ByteWriter, { record, key }: Match): boolean {
    const { digest, set, userKey } = record
    const reply = this.#readRecord({ ...this.#read, digest }, record)
    if (reply === undefined) return false
    if (reply.operationCount === 0 && !this.#withoutBins && !this.#respondsAll) return false
    writeMessageHeader(writer, {
      info1: this.#withoutBins ? INFO1.GET_NO_BINS : 0,
      generation: record.generation,
      recordTtl: record.voidTimeSeconds,
      fieldCount: 2 + Number(set !== undefined) + Number(userKey !== undefined) + Number(key !== undefined),
      operationCount: reply.operationCount,
    })
    writeField(writer, FIELD_TYPES.NAMESPACE, this.#namespaceName)
    writeField(writer, FIELD_TYPES.DIGEST, digest)
    if (set !== undefined) writeField(writer, FIELD_TYPES.SET, set.nameBytes)
    if (userKey !== undefined) writeField(writer, FIELD_TYPES.USER_KEY, userKey)
    if (key !== undefined) writeField(writer, FIELD_TYPES.INDEX_VALUES, writeKey(key))
    writer.bytes(reply.operations)
    return true
  }

  #readRecord(request: RecordRequest, record: Match['record']): RecordReply | undefined {
    try {
      return readBins(request, record)
    } catch (error) {
      if (error instanceof CommandError) return undefined
      throw error
    }
  }
}

/** Appends what tells a client that a partition was not read, or not to its end (protocol 10.4). */
export function writePartitionUnavailable(writer: ByteWriter, partitionId: number): void {
  writeMessageHeader(writer, {
    info3: INFO3.PARTITION_DONE,
    resultCode: RESULT_CODES.UNAVAILABLE,
    generation: partitionId,
  })
}

function infoOfRead(withoutBins: boolean, hasOperations: boolean): number {
  if (withoutBins) return INFO1.READ | INFO1.GET_NO_BINS
  return hasOperations ? INFO1.READ : INFO1.READ | INFO1.GET_ALL
}

/** @throws CommandError PARAMETER */
function refuseOperation({ code, name }: Operation): void {
  if (operationHandler(code)?.access !== 'read') throw badRequest(`operation ${code} in a query`)
  if (name.length > BIN_NAME_BYTES_MAX) throw badRequest('name of a bin too long')
}

/** The bins of field 40, which older clients send in the place of operations: a count, then sized names. */
function listedBins(fields: readonly Field[]): Operation[] {
  const data = findField(fields, FIELD_TYPES.QUERY_BIN_LIST)
  const operations: Operation[] = []
  if (data === undefined) return operations
  let at = 1
  for (let left = data[0] ?? 0; left > 0; left--) {
    const end = at + 1 + (data[at] ?? 0)
    if (end > data.length) throw badRequest('list of bins is cut off')
    operations.push({
      code: OPERATION_CODES.READ,
      particleType: PARTICLE_TYPES.NULL,
      name: data.toString('latin1', at + 1, end),
      value: NO_BYTES,
    })
    at = end
  }
  return operations
}
