import { setBeside } from './set-beside.ts'

/** Bin of an intent with the height of the run that wrote it; indexed. */
export const PRUNE_INTENT_HEIGHT = 'prunedAt'

/** The set of the intents of the pruner, apart from the transactions that other systems may share. */
export function pruneIntentSet(set: string): string {
  return setBeside(set, '_pruneintent')
}
