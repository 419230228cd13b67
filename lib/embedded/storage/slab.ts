import type { StoredRecord } from './stored-record.ts'

/**
 * A piece of memory with the bins of records in it, one behind the other. It is filled once: bytes that were written
 * are never changed, so who has a view of them may keep it.
 */
export class Slab {
  readonly memory: Buffer
  /** Every record that was put here, as often as it was; most of them may be elsewhere by now. */
  readonly records: StoredRecord[] = []
  usedBytes = 0
  /** Bytes of `usedBytes` that are the bins of a record still. */
  liveBytes = 0

  constructor(bytes: number) {
    // Not from Node's pool: this is larger, and lives as long as any record in it.
    this.memory = Buffer.allocUnsafeSlow(bytes)
  }

  get freeBytes(): number {
    return this.memory.length - this.usedBytes
  }
}

/** Where a record is before it was put anywhere. */
export const NOWHERE = new Slab(0)
