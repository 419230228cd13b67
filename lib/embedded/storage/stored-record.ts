import { PARTITION_COUNT } from '../../protocol/index.ts'
import type { RecordSet } from './record-set.ts'
import { NOWHERE, type Slab } from './slab.ts'

/** A record as it is kept. Commands replace its members only when they commit. */
export class StoredRecord {
  /** Its digest, one character per byte (latin1): orders as the digest does. */
  readonly id: string
  readonly set: RecordSet | undefined
  /** Where its bins are: Slabs sees to these. */
  slab: Slab = NOWHERE
  binStart = 0
  binBytes = 0
  binCount = 0
  /** What a real server would take for it: see recordSizeBytes. */
  sizeBytes = 0
  /** False once it is gone. */
  isKept = true
  /** 1 to 65535. */
  generation: number
  /** Seconds since Aerospike's epoch; 0 = never expires. */
  voidTimeSeconds: number
  /** Milliseconds since Aerospike's epoch. */
  lastUpdateMs: number
  /** Particle type byte and wire bytes of the key, when one was sent to be stored. */
  userKey: Buffer | undefined

  constructor(
    id: string,
    set: RecordSet | undefined,
    generation: number,
    voidTimeSeconds: number,
    lastUpdateMs: number,
    userKey: Buffer | undefined,
  ) {
    this.id = id
    this.set = set
    this.generation = generation
    this.voidTimeSeconds = voidTimeSeconds
    this.lastUpdateMs = lastUpdateMs
    this.userKey = userKey
  }

  /** All bins in the layout of a reply's operations (protocol 3.3): a view, whose bytes never change. */
  get bins(): Buffer {
    return this.slab.memory.subarray(this.binStart, this.binStart + this.binBytes)
  }

  /** 20 bytes, a copy. */
  get digest(): Buffer {
    return Buffer.from(this.id, 'latin1')
  }

  get partitionId(): number {
    return (this.id.charCodeAt(0) | (this.id.charCodeAt(1) << 8)) & (PARTITION_COUNT - 1)
  }
}

/** What a digest is as the id of a record. */
export function recordId(digest: Buffer): string {
  return digest.toString('latin1')
}

/** Generations run from 1 to 65535 and round again (protocol 3.6). */
export function nextGeneration(generation: number): number {
  return generation >= 0xffff ? 1 : generation + 1
}
