import { RESULT_CODES } from '../../protocol/index.ts'
import type { StoredRecord } from '../storage/stored-record.ts'

/** What a command on one record answers, before it is framed as a message or as a row. */
export interface RecordReply {
  readonly resultCode: number
  readonly generation: number
  /** Seconds since Aerospike's epoch; 0 = never expires. */
  readonly voidTimeSeconds: number
  readonly operationCount: number
  /** The operations, in the layout of a message. */
  readonly operations: Buffer
}

const NO_OPERATIONS = Buffer.alloc(0)

/** A reply without operations. Errors carry the generation of the record they found (protocol 3.6). */
export function replyWithCode(resultCode: number, record?: StoredRecord): RecordReply {
  return {
    resultCode,
    generation: record?.generation ?? 0,
    voidTimeSeconds: record?.voidTimeSeconds ?? 0,
    operationCount: 0,
    operations: NO_OPERATIONS,
  }
}

/** A successful reply; without a record generation and void time are 0. */
export function replyWithOperations(
  record: StoredRecord | undefined,
  operationCount: number,
  operations: Buffer,
): RecordReply {
  return { ...replyWithCode(RESULT_CODES.OK, record), operationCount, operations }
}
