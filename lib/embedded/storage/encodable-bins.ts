import type { StoredBins } from './record-follower.ts'
import { storedBinsSizeBytes } from './record-size.ts'

/** Bins that are about to be stored, in the layout of a reply's operations (protocol 3.3). */
export interface EncodableBins {
  readonly count: number
  readonly encodedBytes: number
  /** What they take of the size of their record: see recordSizeBytes. */
  readonly sizeBytes: number
  /** Writes `encodedBytes` bytes from an offset on; the target shares no memory with what is encoded. */
  encodeInto(target: Buffer, offset: number): void
}

/** Bins as they are stored elsewhere. */
export class EncodedBins implements EncodableBins {
  readonly count: number
  readonly encodedBytes: number
  readonly #bins: Buffer

  constructor({ bins, binCount }: StoredBins) {
    this.count = binCount
    this.encodedBytes = bins.length
    this.#bins = bins
  }

  get sizeBytes(): number {
    return storedBinsSizeBytes(this.#bins, 0, this.#bins.length)
  }

  encodeInto(target: Buffer, offset: number): void {
    target.set(this.#bins, offset)
  }
}
