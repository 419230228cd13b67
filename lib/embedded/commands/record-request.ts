import type { EncodedOperations, Field, Operation } from '../../protocol/index.ts'
import type { Namespace } from '../storage/namespace.ts'

/** Operations that were not sent in one piece, or are decoded already. */
export interface DecodedOperations {
  readonly list: readonly Operation[]
}

/** A command on one record: a message of its own, or a row of a batch. */
export interface RecordRequest {
  readonly namespace: Namespace
  /** 20 bytes, a view of the message. */
  readonly digest: Buffer
  readonly info1: number
  readonly info2: number
  readonly info3: number
  readonly info4: number
  /** The generation expected, where info2 says so. */
  readonly generation: number
  /** Writes: seconds to live. Reads: the read-touch percentage. */
  readonly recordTtl: number
  /** The client's total timeout; 0 = the server's default. */
  readonly timeoutMs: number
  readonly fields: readonly Field[]
  readonly operations: EncodedOperations | DecodedOperations
  /** The filter of the batch's header, which rows without one of their own follow. */
  readonly batchFilter: Buffer | undefined
  readonly inBatch: boolean
}
