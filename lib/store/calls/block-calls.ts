import { checkFunction } from '../../errors/index.ts'
import { checkBoolean, checkHeight, type TxidInput } from '../arguments.ts'
import { markTransactionsOnLongestChain } from '../operations/mining/mark-longest-chain.ts'
import {
  checkMinedInfo,
  type MinedBlocks,
  type MinedInfo,
  setMinedMulti,
} from '../operations/mining/set-mined.ts'
import { queryOldUnminedTransactions } from '../operations/pruning/unmined.ts'
import { TxidList } from '../txid-list.ts'
import { lengthOf, QUERY } from './call-bounds.ts'
import type { BulkOptions, CallOptions } from './call-options.ts'
import { ConflictCalls } from './conflict-calls.ts'

/** Which blocks hold which transactions. */
export abstract class BlockCalls extends ConflictCalls {
  /**
   * Records that a block holds transactions (or, with `unsetMined`, no longer does), in batches; the list may be
   * of any length. Returns the block ids of each transaction by display-hex txid. Throws a `SetMinedError` after all were tried; its
   * `blockIds` has those that succeeded.
   */
  async setMinedMulti(
    txids: readonly TxidInput[],
    info: MinedInfo,
    options: BulkOptions = {},
  ): Promise<MinedBlocks> {
    const call = { name: 'setMinedMulti', items: lengthOf(txids), rounds: 6 }
    return this.call(call, options, signal => {
      const { onProgress } = options
      checkFunction('onProgress', onProgress)
      checkMinedInfo(info)
      return setMinedMulti(this.context, new TxidList(txids), info, signal, onProgress)
    })
  }

  /**
   * Says of transactions that they are mined on the longest chain, or (after a reorganisation) no longer are.
   * Then they count as unmined, as old as `unminedTxRetention` blocks, and are not pruned. Throws after all were
   * tried, `TX_NOT_FOUND` for a missing one; repeating is safe.
   */
  async markTransactionsOnLongestChain(
    txids: readonly TxidInput[],
    onLongestChain: boolean,
    options: BulkOptions = {},
  ): Promise<void> {
    const call = { name: 'markTransactionsOnLongestChain', items: lengthOf(txids), rounds: 7 }
    return this.call(call, options, signal => {
      checkBoolean('onLongestChain', onLongestChain)
      const { onProgress } = options
      checkFunction('onProgress', onProgress)
      const list = new TxidList(txids)
      return markTransactionsOnLongestChain(this.context, list, onLongestChain, signal, onProgress)
    })
  }

  /** The txids (32 bytes, internal order) of transactions that have been unmined since `cutoff` or longer. */
  async queryOldUnminedTransactions(cutoff: number, options: CallOptions = {}): Promise<Uint8Array[]> {
    return this.call({ name: 'queryOldUnminedTransactions', ...QUERY }, options, signal => {
      checkHeight('cutoff', cutoff)
      return queryOldUnminedTransactions(this.context, cutoff, signal)
    })
  }
}
