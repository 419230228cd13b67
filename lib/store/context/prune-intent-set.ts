import { createHash } from 'node:crypto'

/** Bin of an intent with the height of the run that wrote it; indexed. */
export const PRUNE_INTENT_HEIGHT = 'prunedAt'

const SUFFIX = '_pruneintent'
/** The longest name of a set. */
const SET_BYTES_MAX = 63

/** The set of the intents of the pruner, apart from the transactions that other systems may share. */
export function pruneIntentSet(set: string): string {
  if (Buffer.byteLength(set) + SUFFIX.length <= SET_BYTES_MAX) return `${set}${SUFFIX}`
  return `${createHash('sha256').update(set).digest('hex').slice(0, 32)}${SUFFIX}`
}
