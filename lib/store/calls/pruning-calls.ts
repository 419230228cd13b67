import { toTxid } from '../../bitcoin/index.ts'
import { checkFunction, InvalidArgumentError, StoreError } from '../../errors/index.ts'
import { SETTINGS, type Settings } from '../../settings/index.ts'
import { checkBoolean, checkHeight, checkTxids, type TxidInput } from '../arguments.ts'
import { checkPageCount, setDeleteAtHeightForChildRecords } from '../operations/pages/delete-at-height.ts'
import { checkIncrement } from '../operations/pages/increment.ts'
import { processExpiredPreservations } from '../operations/pruning/expired-preservations.ts'
import { type PreserveCounts, preserveTransactions } from '../operations/pruning/preserve.ts'
import { type PruneProgress, type PruneResult, prune } from '../operations/pruning/prune.ts'
import { zeroCounts } from '../operations/pruning/prune-run.ts'
import { PruneTurns } from '../operations/pruning/prune-turns.ts'
import { uniqueTxids } from '../txids.ts'
import { BlockCalls } from './block-calls.ts'
import { lengthOf, QUERY } from './call-bounds.ts'
import type { CallOptions } from './call-options.ts'

export interface PruneOptions extends CallOptions {
  /** Told whenever the records of some partitions have been read. */
  onProgress?: ((progress: PruneProgress) => void) | undefined
  /** The node is catching up with the chain: with `prunerSkipDuringCatchup` nothing is pruned then. */
  isCatchingUp?: boolean | undefined
  /**
   * What has become of the block that this call is made for: whoever calls at each of these events has the setting
   * `prunerBlockTrigger` choose between them. Without it the run is made whatever the setting says.
   */
  trigger?: Settings['prunerBlockTrigger'] | undefined
}

/** Pruning, and what decides when a transaction is pruned: preservations, spent pages, delete-at-heights. */
export abstract class PruningCalls extends BlockCalls {
  readonly #pruneTurns = new PruneTurns()

  /**
   * Removes the transactions whose delete-at-height is `height` or below, with their pages and bodies. First it
   * preserves the parents of old unmined transactions and ends preservations that are over, and it completes the
   * removals that an interrupted run has left. Before a transaction goes its parents are told, so that a replay of
   * it is refused; one that was preserved or unspent since the query stays.
   *
   * One run at a time: a call that has to wait may be answered by a run at a greater height. The signal, and the
   * closing of the store, end a run between chunks. A single transaction that fails is logged and counted. Throws
   * `PROCESSING` for a height of 0 or an index that is not ready, and otherwise what ended one of its queries, when
   * all have ended; repeating is safe.
   */
  async prune(height: number, options: PruneOptions = {}): Promise<PruneResult> {
    const { settings } = this.context
    return this.call({ name: 'prune', ...QUERY }, options, async signal => {
      const { onProgress, isCatchingUp = false, trigger } = options
      checkFunction('onProgress', onProgress)
      if (height === 0) throw new StoreError('PROCESSING', 'nothing is pruned at height 0')
      checkHeight('height', height)
      checkBoolean('isCatchingUp', isCatchingUp)
      if (trigger !== undefined) checkTrigger(trigger)
      if (settings.disableDAHCleaner) return { outcome: 'disabled', height, ...zeroCounts() }
      if (isCatchingUp && settings.prunerSkipDuringCatchup)
        return { outcome: 'catching up', height, ...zeroCounts() }
      if (trigger !== undefined && trigger !== settings.prunerBlockTrigger)
        return { outcome: 'not triggered', height, ...zeroCounts() }
      return this.#pruneTurns.take(height, signal, (latest, wanted) =>
        prune(this.context, latest, { signal: wanted, onProgress }),
      )
    })
  }

  /**
   * Keeps transactions from being pruned up to `height`. Only those at risk are touched, which have a
   * delete-at-height or a preservation already; others and missing ones are passed over. A record that fails is
   * logged and counted. Throws `STORAGE_ERROR` where a batch failed; repeating is safe.
   */
  async preserveTransactions(
    txids: readonly TxidInput[],
    height: number,
    options: CallOptions = {},
  ): Promise<PreserveCounts> {
    return this.call({ name: 'preserveTransactions', items: lengthOf(txids), rounds: 3 }, options, signal => {
      checkHeight('height', height, { minimum: 1 })
      return preserveTransactions(this.context, uniqueTxids(checkTxids(txids)), height, signal)
    })
  }

  /**
   * Ends the preservations up to `currentHeight`; what can be pruned by then, and nothing else, gets a
   * delete-at-height. Returns how many were ended. Repeating is safe.
   */
  async processExpiredPreservations(currentHeight: number, options: CallOptions = {}): Promise<number> {
    return this.call({ name: 'processExpiredPreservations', ...QUERY }, options, signal => {
      checkHeight('currentHeight', currentHeight)
      return processExpiredPreservations(this.context, currentHeight, signal)
    })
  }

  /**
   * Adds `change` to the count of fully spent pages on a transaction's master, kept within 0 and the number of
   * pages, and has its delete-at-height judged at `height`. Not to be repeated after a timeout: it would count
   * twice. A count that is too high prunes nothing, since the pages are read before it is believed.
   */
  async incrementSpentRecords(
    txid: TxidInput,
    change: number,
    height: number,
    options: CallOptions = {},
  ): Promise<void> {
    const call = { name: 'incrementSpentRecords', rounds: 3, endsAtClose: true }
    return this.call(call, options, signal => {
      checkIncrement(change)
      checkHeight('height', height, { minimum: 1 })
      return this.batchers.increment.submit({ txid: toTxid(txid), change, height }, { signal })
    })
  }

  /**
   * Writes the delete-at-height of a transaction's pages 1 to `pages`, or takes it away with 0. Pages that are
   * gone stay gone. Throws `STORAGE_ERROR` after all were tried; repeating is safe.
   */
  async setDeleteAtHeightForChildRecords(
    txid: TxidInput,
    pages: number,
    deleteAtHeight: number,
    options: CallOptions = {},
  ): Promise<void> {
    const call = { name: 'setDeleteAtHeightForChildRecords', endsAtClose: true }
    return this.call(call, options, signal => {
      checkPageCount('pages', pages)
      checkHeight('deleteAtHeight', deleteAtHeight)
      return setDeleteAtHeightForChildRecords(this.context, toTxid(txid), pages, deleteAtHeight, signal)
    })
  }
}

function checkTrigger(trigger: Settings['prunerBlockTrigger']): void {
  const { of } = SETTINGS.prunerBlockTrigger.kind
  if (!of.includes(trigger)) throw new InvalidArgumentError('trigger', `one of ${of.join(', ')}`, trigger)
}
