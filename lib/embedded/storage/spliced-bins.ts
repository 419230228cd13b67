import { OPERATION_CODES, operationBytes, writeBin } from '../../protocol/index.ts'
import { type Bin, isNameAt, storedBinEnd } from './bin-list.ts'
import type { EncodableBins } from './encodable-bins.ts'
import type { StoredBins } from './record-follower.ts'
import { binSizeBytes, storedBinSizeBytes } from './record-size.ts'

/** A bin with another value, and where the one it replaces begins and ends in the stored buffer. */
interface Replacement {
  readonly start: number
  readonly end: number
  readonly bin: Bin
}

/**
 * The bins of a record of which a few get other values, as a function in Lua or an increment leaves them: what
 * did not change is copied as it is stored, without being decoded.
 */
export class SplicedBins implements EncodableBins {
  readonly count: number
  /** Bytes of the stored form. */
  readonly encodedBytes: number
  readonly sizeBytes: number
  readonly #stored: Buffer
  readonly #replacements: readonly Replacement[]

  /** @param keptSizeBytes of the bins that are not replaced */
  private constructor(
    stored: Buffer,
    count: number,
    replacements: readonly Replacement[],
    keptSizeBytes: number,
  ) {
    this.count = count
    this.#stored = stored
    this.#replacements = replacements
    let bytes = stored.length
    let sizeBytes = keptSizeBytes
    for (const { start, end, bin } of replacements) {
      bytes += operationBytes(bin.name, bin.value) - (end - start)
      sizeBytes += binSizeBytes(bin.name.length, bin.type, bin.value, 0, bin.value.length)
    }
    this.encodedBytes = bytes
    this.sizeBytes = sizeBytes
  }

  /** Undefined when not all the bins, whose names differ, are there to be replaced. */
  static of({ bins: stored, binCount }: StoredBins, bins: readonly Bin[]): SplicedBins | undefined {
    const replacements: Replacement[] = []
    let keptSizeBytes = 0
    for (let start = 0; start < stored.length; ) {
      const end = storedBinEnd(stored, start)
      const bin = bins.find(({ name }) => isNameAt(stored, start, name))
      if (bin !== undefined) replacements.push({ start, end, bin })
      else keptSizeBytes += storedBinSizeBytes(stored, start, end)
      start = end
    }
    if (replacements.length !== bins.length) return undefined
    return new SplicedBins(stored, binCount, replacements, keptSizeBytes)
  }

  encodeInto(target: Buffer, offset: number): void {
    let at = offset
    let copied = 0
    for (const { start, end, bin } of this.#replacements) {
      at += this.#stored.copy(target, at, copied, start)
      at = writeBin(target, at, OPERATION_CODES.READ, bin.type, bin.name, bin.value)
      copied = end
    }
    this.#stored.copy(target, at, copied)
  }
}
