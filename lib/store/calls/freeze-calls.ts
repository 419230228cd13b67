import { checkFunction } from '../../errors/index.ts'
import type { FreezeRecord } from '../../record/index.ts'
import { checkBoolean, type TxidInput } from '../arguments.ts'
import {
  checkWindow,
  type FreezeOptions,
  freezeUtxos,
  type NewOutput,
  reassignUtxo,
  unfreezeUtxos,
} from '../operations/freezing/freeze.ts'
import { setLocked } from '../operations/locking/set-locked.ts'
import { checkOutput, checkOutputs, type OutputInput } from '../operations/reading/output-target.ts'
import { TxidList } from '../txid-list.ts'
import { lengthOf } from './call-bounds.ts'
import type { BulkOptions, CallOptions } from './call-options.ts'
import { SpendCalls } from './spend-calls.ts'

/** What keeps outputs from being spent: freezes of single outputs, and the lock of a transaction. */
export abstract class FreezeCalls extends SpendCalls {
  /**
   * Freezes outputs: always and for good, or by consensus in the half-open window of heights [`from`, `until`),
   * with a policy that ends with the window (`policyExpires`) or lasts. Another window on a frozen output
   * replaces the one it has; on a spent output the freeze is recorded, and holds once the spend is undone.
   *
   * Throws a `FreezeError` after all were tried, whose `outputs` tell the error of each: `UTXO_FROZEN` where the
   * output is frozen in this very way already, so that repeating a call that timed out is safe.
   */
  async freezeUtxos(
    outputs: readonly OutputInput[],
    options: FreezeOptions & CallOptions = {},
  ): Promise<void> {
    return this.call({ name: 'freezeUtxos', items: lengthOf(outputs), rounds: 3 }, options, signal =>
      freezeUtxos(this.context, checkOutputs(outputs), checkWindow(this.context, options), signal),
    )
  }

  /**
   * Lifts the freezes of outputs, spent or not, in both tiers. Throws a `FreezeError` after all were tried;
   * `UTXO_ERROR` in it says that an output was not frozen.
   */
  async unfreezeUtxos(outputs: readonly OutputInput[], options: CallOptions = {}): Promise<void> {
    return this.call({ name: 'unfreezeUtxos', items: lengthOf(outputs), rounds: 2 }, options, signal =>
      unfreezeUtxos(this.context, checkOutputs(outputs), signal),
    )
  }

  /**
   * Gives a frozen, unspent output to another owner: `newOutput` is what it pays to whom from now on, or the
   * utxo hash of that. It can be spent `reassignedUtxoSpendableAfterBlocks` after the tip. The body of the
   * transaction keeps the old script, so that a hash computed from it is not the slot's any more.
   *
   * Throws `UTXO_ERROR` where the output is not frozen or is spent, `UTXO_HASH_MISMATCH` where `utxoHash` is
   * given and is not its hash. After a timeout, ask `get(txid, ['utxos'])` which hash the slot has.
   */
  async reassignUtxo(output: OutputInput, newOutput: NewOutput, options: CallOptions = {}): Promise<void> {
    return this.call({ name: 'reassignUtxo', rounds: 2 }, options, signal =>
      reassignUtxo(this.context, checkOutput('output', output), newOutput, signal),
    )
  }

  /**
   * The freeze records of a transaction's outputs, by output. An output frozen without a record (at creation, or
   * by a node that knows none) has none: `get(txid, ['utxos'])` shows it.
   */
  async getFreezeRecords(txid: TxidInput, options: CallOptions = {}): Promise<readonly FreezeRecord[]> {
    const { freezes = [] } = await this.get(txid, ['freezes'], options)
    return freezes
  }

  /** Locks transactions against spending, or lifts the lock. Throws after all were tried. */
  async setLocked(txids: readonly TxidInput[], locked: boolean, options: BulkOptions = {}): Promise<void> {
    // Fewer of its batches are in flight than of other calls on lists: they share a batcher's queue with others.
    return this.call({ name: 'setLocked', items: lengthOf(txids), rounds: 8 }, options, signal => {
      checkBoolean('locked', locked)
      const { onProgress } = options
      checkFunction('onProgress', onProgress)
      return setLocked(this.context, this.batchers.locked, new TxidList(txids), {
        locked,
        signal,
        onProgress,
      })
    })
  }
}
