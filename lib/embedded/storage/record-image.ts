import type { EncodableBins } from './encodable-bins.ts'
import type { StoredBins } from './record-follower.ts'
import type { StoredRecord } from './stored-record.ts'

/** What a write makes of a record. */
export interface RecordWrite {
  readonly digest: Buffer
  /** The live record that is changed, or undefined when one is created (in place of an expired one, too). */
  readonly existing: StoredRecord | undefined
  readonly setName: string
  readonly bins: EncodableBins
  readonly voidTimeSeconds: number
  /** Milliseconds since Aerospike's epoch, where it was told already; else the time at which it is stored. */
  readonly lastUpdateMs?: number
  readonly userKey: Buffer | undefined
}

/** All of a record but its bins. */
export interface RecordState {
  readonly digest: Buffer
  readonly setName: string
  readonly generation: number
  readonly voidTimeSeconds: number
  readonly lastUpdateMs: number
  readonly userKey: Buffer | undefined
}

/** A record as another node has it, to be kept exactly so. */
export interface RecordImage extends RecordState, StoredBins {}
