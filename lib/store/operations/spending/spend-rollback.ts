import { type Transaction, txidToHex } from '../../../bitcoin/index.ts'
import type { ErrorCode, StoreError } from '../../../errors/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import type { SpendRequest } from './record-groups.ts'
import { rollbackBudget } from './rollback-budget.ts'
import { type UndoOutcome, undoSpends } from './spend-undo.ts'

/** What became of the successes of a failed spend. */
export type RollbackOutcome = 'nothing' | 'transient_lock' | 'transient_creating' | UndoOutcome

/** What a failed attempt holds, for all that it knows. */
export interface AppliedSpends {
  readonly spends: readonly SpendRequest[]
  /** Those of them that it is known to have written; the others may have been the transaction's before. */
  readonly written: ReadonlySet<SpendRequest>
}

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
 * definitely has no record, nor any parent that says it was pruned, and only slots that hold this very spending data. Within a store, spends of one
 * transaction take turns (turns.ts); against another process that spends for the same transaction, `undoSpends`
 * looks twice, and that process looks after its create.
 *
 * Runs apart from the caller's signal and from close, within `spendRollbackTimeout`. Never throws.
 */
export async function rollBack(
  context: StoreContext,
  tx: Transaction,
  applied: AppliedSpends,
  failures: readonly StoreError[],
): Promise<RollbackOutcome> {
  const outcome = await decideAndUndo(context, tx, applied, failures).catch(
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
      { event: 'spend_rollback', outcome, txid: txidToHex(tx.txid), spends: applied.spends.length },
      'a spend failed in part',
    )
  }
  return outcome
}

/**
 * A parent says that the transaction spent its output, was accepted, and has been pruned since (INVALID_SPEND, semantics
 * 5.1, replay protection). It has no record then, and the pruner tells its parents one after the other: the outputs of
 * those that do not know yet are spent all the same, and freed they would be there for a double spend. What was unspent
 * until this attempt wrote it is free to go.
 */
function wasPruned(codes: ReadonlySet<ErrorCode>): boolean {
  return codes.has('UTXO_ERROR')
}

async function decideAndUndo(
  context: StoreContext,
  tx: Transaction,
  { spends, written }: AppliedSpends,
  failures: readonly StoreError[],
): Promise<RollbackOutcome> {
  if (spends.length === 0) return 'nothing'
  const codes = new Set(failures.map(({ code }) => code))
  if (!failures.some(({ code }) => CANNOT_WIN.has(code))) {
    // A concurrent attempt at the same transaction may own the slots.
    if (codes.has('TX_LOCKED')) return 'transient_lock'
    if (codes.has('TX_CREATING')) return 'transient_creating'
  }
  if (context.acknowledgedSpends.has(tx.txid)) return 'acknowledged_before'
  const own = wasPruned(codes) ? spends.filter(spend => written.has(spend)) : spends
  if (own.length === 0) return 'acknowledged_before'
  const budget = rollbackBudget(context)
  return undoSpends(context, tx.txid, own, budget)
}
