import type { EncodableBins } from '../../../lib/embedded/storage/encodable-bins.ts'

/** The stored form of bins. */
export function encoded(bins: EncodableBins): Buffer {
  const target = Buffer.alloc(bins.encodedBytes)
  bins.encodeInto(target, 0)
  return target
}
