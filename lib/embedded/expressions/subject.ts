import type { Namespace } from '../storage/namespace.ts'
import type { StoredRecord } from '../storage/stored-record.ts'
import type { OperandParticle } from './operand.ts'

/** Where an expression finds the bins of a record. */
export interface BinLookup {
  /** @param name one character per byte (latin1) */
  get(name: string): OperandParticle | undefined
}

/** The record that an expression is about. */
export interface ExpressionSubject {
  readonly namespace: Namespace
  readonly digest: Buffer
  /** What is known besides the bins; `undefined` while the record is being created. */
  readonly record: StoredRecord | undefined
  /** As the operations before left them. */
  readonly bins: BinLookup
  /** The set that a record which is being created goes to; empty for none. */
  readonly setName?: string
}
