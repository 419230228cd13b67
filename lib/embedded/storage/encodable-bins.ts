import type { StoredBins } from './record-follower.ts'

/** Bins that are about to be stored, in the layout of a reply's operations (protocol 3.3). */
export interface EncodableBins {
  readonly count: number
  readonly encodedBytes: number
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

  encodeInto(target: Buffer, offset: number): void {
    target.set(this.#bins, offset)
  }
}
