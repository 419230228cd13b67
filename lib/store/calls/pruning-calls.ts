import { toTxid } from '../../bitcoin/index.ts'
import { checkHeight, checkTxids, type TxidInput } from '../arguments.ts'
import { checkPageCount, setDeleteAtHeightForChildRecords } from '../operations/pages/delete-at-height.ts'
import { checkIncrement } from '../operations/pages/increment.ts'
import { processExpiredPreservations } from '../operations/pruning/expired-preservations.ts'
import { type PreserveCounts, preserveTransactions } from '../operations/pruning/preserve.ts'
import { uniqueTxids } from '../txids.ts'
import { BlockCalls } from './block-calls.ts'
import { lengthOf, QUERY } from './call-bounds.ts'
import type { CallOptions } from './store-calls.ts'

/** What decides when a transaction is pruned: preservations, the count of spent pages, delete-at-heights. */
export abstract class PruningCalls extends BlockCalls {
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
