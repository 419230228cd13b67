import { checkCallOptions, checkFunction } from '../../errors/index.ts'
import {
  type BlockMembership,
  isInconsistent,
  walkBlockMemberships,
} from '../operations/walks/consistency-walk.ts'
import { RecordWalk, type WalkOutput, type WalkProgress } from '../operations/walks/record-walk.ts'
import {
  type UnminedTransaction,
  type WalkedTransaction,
  walkConflicting,
  walkUnmined,
} from '../operations/walks/unmined-walk.ts'
import { QUERY } from './call-bounds.ts'
import type { CallOptions } from './call-options.ts'
import { PruningCalls } from './pruning-calls.ts'

export interface WalkOptions extends CallOptions {
  /** Told whenever partitions have been read to their end. */
  onProgress?: ((progress: WalkProgress) => void) | undefined
}

export interface ConsistencyOptions extends WalkOptions {
  /**
   * Judges a block; with it only transactions that are inconsistent come, without it all of them, for the caller
   * to judge.
   */
  isOnLongestChain?: ((blockId: number) => boolean) | undefined
}

type Work<Entry> = (
  output: WalkOutput<Entry>,
  onProgress: WalkOptions['onProgress'],
  signal: AbortSignal,
) => Promise<void>

/**
 * Walks over the whole set, by queries side by side, each over its own partitions. They need constant memory, and
 * read on only as fast as the batches are taken. A query that the network or a server ended goes on with the
 * partitions that it had not read; one that gives no record for `queryIdleTimeoutSeconds` ends the walk with
 * `SERVICE_UNAVAILABLE`. What is written meanwhile may or may not be seen. Wrong options are refused at the call, not
 * by the iteration.
 */
export abstract class WalkCalls extends PruningCalls {
  /**
   * All transactions without a block on the longest chain, locked ones included, in batches of up to 16,384.
   * Conflicting ones do not come; a coinbase comes as an entry to skip. Bodies of external ones are read for
   * their inpoints. A damaged record ends the walk with `STORAGE_ERROR`.
   */
  unminedTransactions(options: WalkOptions = {}): RecordWalk<UnminedTransaction> {
    return this.#walk('unminedTransactions', options, (output, onProgress, signal) =>
      walkUnmined(this.context, output, onProgress, signal),
    )
  }

  /** All conflicting transactions, mined or not, in batches of up to 16,384. Reads the whole set. */
  conflictingTransactions(options: WalkOptions = {}): RecordWalk<WalkedTransaction> {
    return this.#walk('conflictingTransactions', options, (output, onProgress, signal) =>
      walkConflicting(this.context, output, onProgress, signal),
    )
  }

  /**
   * The blocks and the mark "unmined" of all transactions, in batches of up to 16,384. A transaction is
   * inconsistent that is marked as unmined although a block of the longest chain holds it, or is not although
   * none does. Records that cannot be read are passed over.
   */
  inconsistentTransactions(options: ConsistencyOptions = {}): RecordWalk<BlockMembership> {
    checkCallOptions(options)
    const { isOnLongestChain } = options
    checkFunction('isOnLongestChain', isOnLongestChain)
    const isWanted = (membership: BlockMembership): boolean =>
      isOnLongestChain === undefined || isInconsistent(membership, isOnLongestChain)
    return this.#walk('inconsistentTransactions', options, (output, onProgress, signal) =>
      walkBlockMemberships(this.context, output, onProgress, signal, isWanted),
    )
  }

  #walk<Entry>(name: string, options: WalkOptions, work: Work<Entry>): RecordWalk<Entry> {
    checkCallOptions(options)
    const { signal, onProgress } = options
    checkFunction('onProgress', onProgress)
    return new RecordWalk(
      (run, left) => {
        const both = signal === undefined ? left : AbortSignal.any([signal, left])
        return this.call({ name, ...QUERY }, { signal: both }, run)
      },
      (output, both) => work(output, onProgress, both),
    )
  }
}
