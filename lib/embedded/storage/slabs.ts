import type { EncodableBins } from './encodable-bins.ts'
import { Slab } from './slab.ts'
import type { StoredRecord } from './stored-record.ts'

const SLAB_BYTES = 256 * 1024
/** Bins of this many bytes get memory of their own, so that at most a quarter of a slab stays empty. */
const LARGE_BYTES = SLAB_BYTES / 4
/** A slab of which less than this part is in use is emptied: so the slabs take at most twice what is in them. */
const IN_USE_MIN = 0.5

/**
 * The memory of the bins of a namespace's records.
 *
 * A buffer for each record would cost the garbage collector more than storing the record costs. So bins are written
 * into slabs, one behind the other. A change writes them anew at the end; when half of a slab is out of date the rest
 * of it moves to the end as well, and the slab goes.
 */
export class Slabs {
  #open = new Slab(0)
  #reservedBytes = 0

  /** Bytes of all slabs. */
  get reservedBytes(): number {
    return this.#reservedBytes
  }

  /** Writes the bins that a record has from now on. */
  put(record: StoredRecord, bins: EncodableBins): void {
    const { encodedBytes } = bins
    const slab = this.#slabFor(encodedBytes)
    bins.encodeInto(slab.memory, slab.usedBytes)
    const { slab: slabBefore, binBytes: binBytesBefore } = record
    place(record, slab, encodedBytes)
    record.binCount = bins.count
    this.#release(slabBefore, binBytesBefore)
  }

  /** Gives back the memory of a record that is gone. Its bins can be read as long as somebody has it. */
  drop(record: StoredRecord): void {
    record.isKept = false
    this.#release(record.slab, record.binBytes)
  }

  #slabFor(bytes: number): Slab {
    if (bytes >= LARGE_BYTES) return this.#reserve(bytes)
    // What is moved out of the slab that is full goes to the new one, too, which has room for both.
    while (this.#open.freeBytes < bytes) {
      const full = this.#open
      this.#open = this.#reserve(SLAB_BYTES)
      this.#emptyIfLittleUsed(full)
    }
    return this.#open
  }

  #reserve(bytes: number): Slab {
    this.#reservedBytes += bytes
    return new Slab(bytes)
  }

  #release(slab: Slab, bytes: number): void {
    slab.liveBytes -= bytes
    if (slab !== this.#open) this.#emptyIfLittleUsed(slab)
  }

  #emptyIfLittleUsed(slab: Slab): void {
    if (slab.liveBytes >= IN_USE_MIN * slab.memory.length) return
    this.#reservedBytes -= slab.memory.length
    for (const record of slab.records) if (record.slab === slab && record.isKept) this.#move(record)
  }

  #move(record: StoredRecord): void {
    const { slab, binStart, binBytes } = record
    const target = this.#slabFor(binBytes)
    slab.memory.copy(target.memory, target.usedBytes, binStart, binStart + binBytes)
    place(record, target, binBytes)
    slab.liveBytes -= binBytes
  }
}

/** Makes the bytes at the end of a slab, which were just written, the bins of a record. */
function place(record: StoredRecord, slab: Slab, bytes: number): void {
  record.slab = slab
  record.binStart = slab.usedBytes
  record.binBytes = bytes
  slab.records.push(record)
  slab.usedBytes += bytes
  slab.liveBytes += bytes
}
