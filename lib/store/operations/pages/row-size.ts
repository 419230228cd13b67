import type { Settings } from '../../../settings/index.ts'

/** A slot of a spent or frozen output with its encoding, the largest there is. */
const SLOT_BYTES_MAX = 72
const OTHER_BINS_BYTES = 400

/** What a row takes about that carries, or is answered with, all slots of a record; for `sendBounded`. */
export function slotsRowBytes({ utxoBatchSize }: Settings): number {
  return OTHER_BINS_BYTES + SLOT_BYTES_MAX * utxoBatchSize
}

/** What a row takes about that has none of them. */
export const SMALL_ROW_BYTES = 200
