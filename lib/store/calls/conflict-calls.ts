import { requireTxid, toTxid } from '../../bitcoin/index.ts'
import { checkFunction, checkObject, InvalidArgumentError } from '../../errors/index.ts'
import { checkBoolean, checkTxids, type TxidInput } from '../arguments.ts'
import { unlinkFromParents } from '../operations/conflicts/conflict-links.ts'
import { type ConflictIntent, completeIntent, pendingIntents } from '../operations/conflicts/conflict-log.ts'
import { conflictingChildren } from '../operations/conflicts/conflicting-children.ts'
import { counterConflicting } from '../operations/conflicts/counter-conflicting.ts'
import {
  type ConflictBlock,
  type ConflictResult,
  checkConflict,
  processConflicting,
} from '../operations/conflicts/process-conflicting.ts'
import {
  type IntentFilter,
  type RecoveredConflict,
  recoverConflicts,
} from '../operations/conflicts/recover-conflicts.ts'
import { type ConflictingChange, setConflicting } from '../operations/conflicts/set-conflicting.ts'
import { lockChildren } from '../operations/locking/lock-children.ts'
import { Turns } from '../waiting/turns.ts'
import { lengthOf, QUERY, WALK_ROUNDS } from './call-bounds.ts'
import type { CallOptions } from './call-options.ts'
import { FreezeCalls } from './freeze-calls.ts'

/** Conflicting transactions: marking them, finding who has to give way, and having others win. */
export abstract class ConflictCalls extends FreezeCalls {
  readonly #conflictTurns = new Turns()

  /**
   * Marks transactions as conflicting, so that their outputs cannot be spent, or lifts the mark. Marking enters
   * them in the lists of their parents first. Answers with their inputs as spends, for `unspend`, and with who
   * spends their outputs, for marking those. The txid 32 × FF (a coinbase in subtrees) is passed over.
   *
   * Throws `TX_NOT_FOUND`, with nothing changed, when one has no record; other failures after all were tried.
   * Repeating is safe.
   */
  async setConflicting(
    txids: readonly TxidInput[],
    value: boolean,
    options: CallOptions = {},
  ): Promise<ConflictingChange> {
    return this.call({ name: 'setConflicting', items: lengthOf(txids), rounds: 8 }, options, signal => {
      checkBoolean('value', value)
      return setConflicting(this.context, checkTxids(txids), value, signal)
    })
  }

  /**
   * Takes transactions out of the lists of conflicting children of their parents. A missing entry or a missing
   * parent is fine. Throws after all were tried; repeating is safe.
   */
  async removeFromConflictingChildren(
    removals: readonly { readonly parentTxid: TxidInput; readonly childTxid: TxidInput }[],
    options: CallOptions = {},
  ): Promise<void> {
    const call = { name: 'removeFromConflictingChildren', items: lengthOf(removals) }
    return this.call(call, options, signal => {
      if (!Array.isArray(removals)) throw new InvalidArgumentError('removals', 'an array', removals)
      const links = Array.from(removals, (removal, index) => {
        checkObject(`removals[${index}]`, removal)
        return {
          parentTxid: toTxid(removal.parentTxid, `removals[${index}].parentTxid`),
          childTxid: toTxid(removal.childTxid, `removals[${index}].childTxid`),
        }
      })
      return unlinkFromParents(this.context, links, signal)
    })
  }

  /**
   * The txids of all descendants: whoever spends an output of the transaction or was stored as conflicting with
   * one who does, and so on; itself excluded. 32 × FF among them says that an output is frozen. A descendant
   * whose record is gone is named, too. Each level takes one batch, two where there are pages.
   *
   * Throws `TX_NOT_FOUND` when the transaction is not stored, and a `WalkLimitError` (code `PROCESSING`) when there
   * are more than `conflictingChildrenMaxNodes`: never a part of the answer.
   */
  async getConflictingChildren(txid: TxidInput, options: CallOptions = {}): Promise<Uint8Array[]> {
    return this.call({ name: 'getConflictingChildren', rounds: WALK_ROUNDS }, options, signal =>
      conflictingChildren(this.context, toTxid(txid), signal),
    )
  }

  /**
   * The transaction itself, whoever else holds one of its inputs, and all descendants of those: what has to give
   * way for it to win.
   *
   * Throws `TX_NOT_FOUND` when it or a parent is not stored, or when a holder without a record may have been mined
   * and pruned (a holder near the tip, which never got one, is left out); `UTXO_FROZEN` where one of the outputs
   * concerned is frozen; `PROCESSING` where an input names no output.
   */
  async getCounterConflicting(txid: TxidInput, options: CallOptions = {}): Promise<Uint8Array[]> {
    return this.call({ name: 'getCounterConflicting', rounds: WALK_ROUNDS }, options, signal =>
      counterConflicting(this.context, toTxid(txid), signal),
    )
  }

  /**
   * Locks a transaction and all that spend its outputs, and so on; returns the txids of those, itself excluded.
   * Throws `TX_NOT_FOUND` when it is not stored and `UTXO_FROZEN` where an output is frozen; what was locked by
   * then stays so. Repeating is safe.
   */
  async getAndLockChildren(txid: TxidInput, options: CallOptions = {}): Promise<Uint8Array[]> {
    return this.call({ name: 'getAndLockChildren', rounds: WALK_ROUNDS }, options, signal =>
      lockChildren(this.context, toTxid(txid), signal),
    )
  }

  /**
   * Makes conflicting transactions win, because a block holds them: who holds their inputs is marked as
   * conflicting with all its descendants and loses its spends, the winners spend, their mark is lifted, and the
   * locks that kept third ones away meanwhile are taken off. Calls of one store run one after the other; no other
   * process may work on conflicts of the set at the same time.
   *
   * What was done is taken back when a step is refused, so that all of it happens or nothing. A `ConflictError` tells in which
   * phase, and with `isUndone` false that a change is in doubt, or that the way back failed as well; then, and when this
   * process dies in the middle, a record of the conflict log stays, the outputs concerned stay locked, and
   * `recoverConflicts` or the same call again brings it to its end. `UTXO_HASH_MISMATCH` says that an input of a winner does
   * not fit its output, and that nothing was changed. A signal ends the wait, but not the work once something was changed.
   * Repeating a call that succeeded does nothing.
   *
   * The caller decides which block is right: a loser may be mined, and `getCounterConflicting` tells beforehand.
   */
  async processConflicting(
    winners: readonly TxidInput[],
    block: ConflictBlock,
    options: CallOptions = {},
  ): Promise<ConflictResult> {
    return this.call({ name: 'processConflicting', rounds: WALK_ROUNDS }, options, async signal => {
      const intent = checkConflict(winners, block)
      return this.#inConflictTurn(signal, () => processConflicting(this.context, intent, signal))
    })
  }

  /**
   * Conflict processing that was interrupted, the oldest first. What another process is working on at this moment
   * is among it. Reads the set of the conflict log.
   */
  async pendingConflictIntents(options: CallOptions = {}): Promise<ConflictIntent[]> {
    return this.call({ name: 'pendingConflictIntents', ...QUERY }, options, signal =>
      pendingIntents(this.context, signal),
    )
  }

  /**
   * Brings interrupted conflict processing to its end, the oldest first. Call it after a start, before the first
   * `processConflicting`, and only while no other process works on conflicts of this set. `isWanted` is asked for
   * each intent; one whose block is no longer in the chain must not be run again, or it would undo what a later
   * reorganisation decided.
   *
   * Returns what became of each. Intents of the kind `reverse`, which only the reference system writes, and those
   * not wanted are skipped and stay.
   */
  async recoverConflicts(
    isWanted: IntentFilter = () => true,
    options: CallOptions = {},
  ): Promise<RecoveredConflict[]> {
    return this.call({ name: 'recoverConflicts', rounds: QUERY.rounds }, options, signal => {
      checkFunction('isWanted', isWanted)
      return this.#inConflictTurn(signal, () => recoverConflicts(this.context, isWanted, signal))
    })
  }

  /**
   * Takes an intent out of the conflict log without running it. What it did before it was interrupted stays as it
   * is: parents may be locked (`setLocked`), losers marked and without their spends (`setConflicting`, `spend`).
   */
  async discardConflictIntent(intentId: Uint8Array, options: CallOptions = {}): Promise<void> {
    return this.call({ name: 'discardConflictIntent' }, options, () =>
      completeIntent(this.context, requireTxid(intentId, 'intentId')),
    )
  }

  #inConflictTurn<Result>(signal: AbortSignal | undefined, work: () => Promise<Result>): Promise<Result> {
    const waitMs = this.context.waitMs * WALK_ROUNDS
    return this.#conflictTurns.take({ what: 'conflict processing', waitMs, signal }, work)
  }
}
