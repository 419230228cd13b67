import { findStoredBin } from '../storage/bin-list.ts'
import type { Namespace } from '../storage/namespace.ts'
import type { StoredRecord } from '../storage/stored-record.ts'
import type { OperandParticle } from './operand.ts'
import type { BinLookup, ExpressionSubject, RecordTimes } from './subject.ts'

/** A record as it is stored. Only the bins that an expression asks for are looked for and decoded. */
export class StoredSubject implements ExpressionSubject, BinLookup {
  readonly namespace: Namespace
  readonly digest: Buffer
  readonly record: StoredRecord

  constructor(namespace: Namespace, digest: Buffer, record: StoredRecord) {
    this.namespace = namespace
    this.digest = digest
    this.record = record
  }

  get times(): RecordTimes {
    return this.record
  }

  get bins(): BinLookup {
    return this
  }

  get(name: string): OperandParticle | undefined {
    return findStoredBin(this.record.bins, this.record.binCount, name)
  }
}
