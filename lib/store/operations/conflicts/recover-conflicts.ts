import { txidToHex } from '../../../bitcoin/index.ts'
import type { StoreError } from '../../../errors/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { asStoreError } from '../../store-errors.ts'
import { type ConflictIntent, pendingIntents } from './conflict-log.ts'
import { processConflicting } from './process-conflicting.ts'

/** What became of a pending intent. */
export interface RecoveredConflict {
  readonly intent: ConflictIntent
  /** `skipped`: not wanted, or of a kind that this store does not run. */
  readonly outcome: 'completed' | 'failed' | 'skipped'
  readonly error?: StoreError
}

/** Decides whether a pending intent is still to be brought to its end. */
export type IntentFilter = (intent: ConflictIntent) => boolean | Promise<boolean>

/** Runs what is pending again, the oldest first, one after the other; a failure of one does not stop the others. */
export async function recoverConflicts(
  context: StoreContext,
  isWanted: IntentFilter,
  signal: AbortSignal | undefined,
): Promise<RecoveredConflict[]> {
  const recovered: RecoveredConflict[] = []
  for (const intent of await pendingIntents(context, signal)) {
    const result = await recover(context, intent, isWanted, signal)
    recovered.push(result)
    context.logger[result.outcome === 'completed' ? 'info' : 'warn'](
      {
        event: 'conflict_recovered',
        intent: txidToHex(intent.id),
        outcome: result.outcome,
        err: result.error,
      },
      'a pending conflict intent was taken up',
    )
  }
  return recovered
}

async function recover(
  context: StoreContext,
  intent: ConflictIntent,
  isWanted: IntentFilter,
  signal: AbortSignal | undefined,
): Promise<RecoveredConflict> {
  try {
    if (intent.kind !== 'forward' || !(await isWanted(intent))) return { intent, outcome: 'skipped' }
    await processConflicting(context, intent, signal)
    return { intent, outcome: 'completed' }
  } catch (error) {
    const failure = asStoreError(error, 'recovering a conflict')
    if (failure.code === 'CONTEXT_CANCELED') throw failure
    return { intent, outcome: 'failed', error: failure }
  }
}

/** Tells the log of interrupted conflict processing, so that nobody overlooks it at a start. Never throws. */
export async function reportPendingConflicts(context: StoreContext, signal: AbortSignal): Promise<void> {
  try {
    const intents = await pendingIntents(context, signal)
    if (intents.length === 0) return
    context.logger.warn(
      { event: 'conflicts_pending', intents: intents.map(({ id }) => txidToHex(id)) },
      'conflict processing was interrupted; call recoverConflicts before the next',
    )
  } catch (error) {
    if (signal.aborted) return
    context.logger.warn(
      { event: 'conflict_log_unread', err: error },
      'the conflict log could not be read at the start; pendingConflictIntents reads it again',
    )
  }
}
