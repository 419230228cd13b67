import type { Namespace } from '../storage/namespace.ts'
import type { StoredRecord } from '../storage/stored-record.ts'
import type { OperandParticle } from './operand.ts'

/** Where an expression finds the bins of a record. */
export interface BinLookup {
  /** @param name one character per byte (latin1) */
  get(name: string): OperandParticle | undefined
}

/** When a record was changed and when it goes: of one that is being written, what the write makes of it. */
export interface RecordTimes {
  /** Seconds since Aerospike's epoch; NEVER_EXPIRES for none. */
  readonly voidTimeSeconds: number
  /** Milliseconds since Aerospike's epoch. */
  readonly lastUpdateMs: number
}

/** The record that an expression is about. */
export interface ExpressionSubject {
  readonly namespace: Namespace
  readonly digest: Buffer
  /** What is known besides the bins; `undefined` while the record is being created. */
  readonly record: StoredRecord | undefined
  readonly times: RecordTimes
  /** As the operations before left them. */
  readonly bins: BinLookup
  /** The set that a record which is being created goes to; empty for none. */
  readonly setName?: string
}
