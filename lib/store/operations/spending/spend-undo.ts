import { txidToHex } from '../../../bitcoin/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { handleNow } from '../../dispatch/handle-now.ts'
import { asStoreError } from '../../store-errors.ts'
import { anotherAttempt } from './record-groups.ts'
import { type SpendFlags, type SpendRequest, spendHandler } from './spend-dispatch.ts'
import { lookUpSpender } from './spender-lookup.ts'
import { SpenderPrunedError, unspendUnchanged } from './unspend-unchanged.ts'

/**
 * - `spender_exists`: the transaction has a record and owns its spends; nothing was changed.
 * - `indeterminate`: it could not be learned whether it has one.
 * - `fired`: the spends are undone.
 * - `reclaimed`: the record appeared while they were being undone; they are its own again.
 * - `acknowledged_before`: the transaction had a record, which has been pruned; it keeps its spends.
 */
export type UndoOutcome = 'spender_exists' | 'indeterminate' | 'fired' | 'reclaimed' | 'acknowledged_before'

/** What a slot held is put back whatever has come to be in the way; a slot that another holds stays with that. */
export const GIVE_BACK_FLAGS: SpendFlags = {
  ignoreConflicting: true,
  ignoreLocked: true,
  ignorePolicyFreeze: true,
  ignoreConsensusFreeze: true,
}

/**
 * Undoes spends of a transaction that has no record. Another process may be about to write that record, having
 * spent the same inputs: so the record is looked for once more after the undoing, and the spends are put back
 * where it has appeared. Whoever writes a record looks at its slots after that (`spendAndCreate`); since each
 * side changes first and looks second, one of them always sees the other.
 *
 * Runs until `signal` fires, apart from any caller. Failures of single outputs are logged.
 */
export async function undoSpends(
  context: StoreContext,
  txid: Uint8Array,
  spends: readonly SpendRequest[],
  signal: AbortSignal,
): Promise<UndoOutcome> {
  const before = await lookUpSpender(context, txid, { signal })
  if (before === 'present') return 'spender_exists'
  if (before === 'unknown') return 'indeterminate'

  const height = spends[0]?.blockHeight ?? 0
  const errors = await unspendUnchanged(context, spends, height, { signal })
  const failed = errors.filter(error => error !== undefined)
  if (failed.some(error => error instanceof SpenderPrunedError)) return 'acknowledged_before'
  if (failed.length > 0) {
    context.logger.error(
      {
        event: 'spend_rollback_failed',
        txid: txidToHex(txid),
        failed: failed.length,
        first: failed[0]?.message,
      },
      'some outputs keep naming a spender that has no record',
    )
  }
  const after = await lookUpSpender(context, txid, { signal })
  if (after === 'present') return putBack(context, txid, spends)
  return after === 'absent' ? 'fired' : 'indeterminate'
}

async function putBack(
  context: StoreContext,
  txid: Uint8Array,
  spends: readonly SpendRequest[],
): Promise<UndoOutcome> {
  const outcomes = await handleNow(
    context,
    'put spends back',
    spendHandler(context),
    spends.map(spend => anotherAttempt(spend, GIVE_BACK_FLAGS)),
  )
  for (const outcome of outcomes) {
    if (outcome.status !== 'rejected') continue
    const error = asStoreError(outcome.reason, 'putting a spend back')
    context.logger.error(
      { event: 'spend_lost', txid: txidToHex(txid), err: error },
      'a transaction with a record has lost an input to another while its spend was being rolled back',
    )
  }
  return 'reclaimed'
}
