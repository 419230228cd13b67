import { NEVER_EXPIRES } from './expiry.ts'
import type { StoredRecord } from './stored-record.ts'

/** One of the 4,096 partitions of a namespace. */
export class Partition {
  readonly #records = new Map<string, StoredRecord>()
  /** Kept until a record comes or goes: pages of a scan ask for it again and again. */
  #descendingIds: readonly string[] | undefined
  /** No record here expires before: spares the sweep looking at every record. */
  earliestVoidTime = Number.POSITIVE_INFINITY

  get size(): number {
    return this.#records.size
  }

  get(id: string): StoredRecord | undefined {
    return this.#records.get(id)
  }

  add(record: StoredRecord): void {
    this.#records.set(record.id, record)
    this.#descendingIds = undefined
    this.expiresAt(record.voidTimeSeconds)
  }

  delete(id: string): void {
    if (this.#records.delete(id)) this.#descendingIds = undefined
  }

  records(): IterableIterator<StoredRecord> {
    return this.#records.values()
  }

  /** The ids of its records, highest digest first: the order of scans (protocol 4). */
  descendingIds(): readonly string[] {
    this.#descendingIds ??= [...this.#records.keys()].sort().reverse()
    return this.#descendingIds
  }

  /** Takes note of the void time of a record in here. */
  expiresAt(voidTimeSeconds: number): void {
    if (voidTimeSeconds !== NEVER_EXPIRES && voidTimeSeconds < this.earliestVoidTime) {
      this.earliestVoidTime = voidTimeSeconds
    }
  }
}
