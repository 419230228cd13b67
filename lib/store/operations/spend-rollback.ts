import { type Transaction, txidToHex } from '../../bitcoin/index.ts'
import type { ErrorCode, StoreError } from '../../errors/index.ts'
import type { StoreContext } from '../store-context.ts'
import type { SpendRequest } from './spend-dispatch.ts'
import { lookUpSpender } from './spender-lookup.ts'
import { unspendRows } from './unspend.ts'

/** What became of the successes of a failed spend. */
export type RollbackOutcome =
  | 'nothing'
  | 'transient_lock'
  | 'transient_creating'
  | 'acknowledged_before'
  | 'spender_exists'
  | 'indeterminate'
  | 'fired'

/** With one of these the transaction cannot win, so that its successes are of no use to anyone. */
const CANNOT_WIN: ReadonlySet<ErrorCode> = new Set([
  'UTXO_SPENT',
  'TX_CONFLICTING',
  'UTXO_FROZEN',
  'UTXO_CONSENSUS_FROZEN',
  'UTXO_HASH_MISMATCH',
])

/**
 * Undoes the successes of a failed spend where that is safe (semantics 3.5, rollback policy; incident #1214).
 * Left behind, they would name a spender without a record, which wedges conflict processing later; cleared
 * although a live transaction owns them, they would be a double spend. So: only when the spending transaction
 * definitely has no record, and only slots that hold this very spending data. Within a store, spends of one
 * transaction take turns (turns.ts); another process may still spend for the same transaction between the
 * look-up and the undoing, and has to repeat its spend before it creates the record.
 *
 * Runs apart from the caller's signal and from close, within `spendRollbackTimeout`. Never throws.
 */
export async function rollBack(
  context: StoreContext,
  tx: Transaction,
  succeeded: readonly SpendRequest[],
  failures: readonly StoreError[],
): Promise<RollbackOutcome> {
  const outcome = await decideAndUndo(context, tx, succeeded, failures).catch(
    (error: unknown): RollbackOutcome => {
      context.logger.error(
        { event: 'spend_rollback_failed', txid: txidToHex(tx.txid), err: error },
        'a rollback ended early',
      )
      return 'indeterminate'
    },
  )
  if (outcome !== 'nothing') {
    context.metrics.rollbacks.increment({ outcome })
    const level = outcome === 'indeterminate' ? 'error' : 'info'
    context.logger[level](
      { event: 'spend_rollback', outcome, txid: txidToHex(tx.txid), spends: succeeded.length },
      'a spend failed in part',
    )
  }
  return outcome
}

async function decideAndUndo(
  context: StoreContext,
  tx: Transaction,
  succeeded: readonly SpendRequest[],
  failures: readonly StoreError[],
): Promise<RollbackOutcome> {
  if (succeeded.length === 0) return 'nothing'
  const codes = new Set(failures.map(({ code }) => code))
  if (!failures.some(({ code }) => CANNOT_WIN.has(code))) {
    // A concurrent attempt at the same transaction may own the slots.
    if (codes.has('TX_LOCKED')) return 'transient_lock'
    if (codes.has('TX_CREATING')) return 'transient_creating'
  }
  if (context.acknowledgedSpends.has(tx.txid)) return 'acknowledged_before'
  const budget = AbortSignal.timeout(context.settings.spendRollbackTimeout)
  const presence = await lookUpSpender(context, tx.txid, { signal: budget })
  if (presence === 'present') return 'spender_exists'
  if (presence === 'unknown') return 'indeterminate'

  const height = succeeded[0]?.blockHeight ?? 0
  const errors = await unspendRows(context, succeeded, height, { signal: budget })
  const failed = errors.filter(error => error !== undefined)
  if (failed.length > 0) {
    context.logger.error(
      {
        event: 'spend_rollback_failed',
        txid: txidToHex(tx.txid),
        failed: failed.length,
        first: failed[0]?.message,
      },
      'some outputs keep naming a spender that has no record',
    )
  }
  return 'fired'
}
