import { promised } from '../../batching/index.ts'
import { InvalidArgumentError } from '../../errors/index.ts'
import {
  checkBoolean,
  checkHeight,
  checkTransaction,
  ownTransaction,
  type TransactionSource,
} from '../arguments.ts'
import type { CreateOptions } from '../operations/creation/create-options.ts'
import {
  checkSpendAndCreate,
  type SpendAndCreateOptions,
  type SpentAndCreated,
  spendAndCreate,
} from '../operations/creation/spend-and-create.ts'
import { wholeTransaction } from '../operations/creation/whole-transaction.ts'
import type { GetRequest } from '../operations/reading/get.ts'
import { getSpend, type SpendState } from '../operations/reading/get-spend.ts'
import { checkOutput, type OutputInput } from '../operations/reading/output-target.ts'
import { prepareSpends, type Spend } from '../operations/spending/spend.ts'
import type { SpendFlags } from '../operations/spending/spend-dispatch.ts'
import { SpendTurns } from '../operations/spending/spend-turns.ts'
import { prepareUnspends, type UnspendInput, unspend } from '../operations/spending/unspend.ts'
import { CREATION_ROUNDS, lengthOf } from './call-bounds.ts'
import type { CallOptions } from './call-options.ts'
import { TransactionCalls } from './transaction-calls.ts'

/** What a spend may pass over; all off where absent. */
export type SpendOptions = CallOptions & { readonly [Flag in keyof SpendFlags]?: boolean | undefined }

const SPEND = { name: 'spend' }

/** Spending outputs, taking spends back, and asking what a spend would do. */
export abstract class SpendCalls extends TransactionCalls {
  readonly #spends = new SpendTurns(this.context, this.batchers.spend)

  /**
   * Spends all inputs of a transaction, or none: when one fails, the others are rolled back. `tx` has to carry
   * what its inputs spend, and a parsed one must stay as it is until the call has ended. First seen wins; repeating
   * a spend by the same transaction succeeds.
   *
   * Returns one entry for each input, in order. Throws a `SpendError` (code `UTXO_ERROR`) whose `spends` tell
   * the error of each input: a `UtxoSpentError` names the winner. After a timeout or an abort the inputs may
   * be spent; repeating the call settles it.
   */
  spend(tx: TransactionSource, blockHeight: number, options: SpendOptions = {}): Promise<Spend[]> {
    return this.callTo(SPEND, options, (end, signal) => {
      const transaction = checkTransaction(tx)
      const requests = prepareSpends(transaction, blockHeight, spendFlags(options))
      this.#spends.spend(transaction, requests, end, signal)
    })
  }

  /**
   * Spends a transaction's inputs and stores its outputs: `spend`, then `create`, then a look whether the inputs
   * are still held. What can be said against the create is said before anything is spent. A create that fails and
   * leaves no record has the spends undone, unless the record turns out to be there; after `TX_EXISTS`,
   * `TX_CREATING`, and where the record may be there or come yet, they stay. `createOnly` and `spendOnly` leave the
   * other half out.
   *
   * Throws what `spend` and `create` throw. A `SpendError` after the create says that the transaction lost an
   * input meanwhile; it is then stored as conflicting. After any other error repeat the call, and take
   * `TX_EXISTS` for success, of a transaction of more than one record once `get` finds it.
   */
  async spendAndCreate(
    tx: TransactionSource,
    blockHeight: number,
    options: SpendAndCreateOptions & SpendOptions & CreateOptions = {},
  ): Promise<SpentAndCreated> {
    return this.call({ name: 'spendAndCreate', rounds: 6 + CREATION_ROUNDS }, options, async signal => {
      const { createOnly, spendOnly, confirmSpends } = checkSpendAndCreate(options)
      // Its create follows even where the caller was released between the two.
      const transaction = ownTransaction(tx)
      if (createOnly) {
        const creation = wholeTransaction(this.context, transaction, blockHeight, options)
        return { spends: [], metadata: await this.createWhole(creation, signal) }
      }
      const requests = prepareSpends(transaction, blockHeight, spendFlags(options))
      const spend = (): Promise<Spend[]> =>
        promised(end => this.#spends.spend(transaction, requests, end, signal))
      if (spendOnly) return { spends: await spend(), metadata: undefined }
      // Nothing is spent for what could not be created: this throws where the transaction or an option is wrong.
      const creation = wholeTransaction(this.context, transaction, blockHeight, options)
      const steps = {
        spend,
        // Apart from the caller's signal: its row would land after the spends had been undone.
        create: () => this.createWhole(creation, undefined),
        mayExist: () => creation.mayExist,
        inTurn: <Result>(work: () => Promise<Result>) => this.#spends.run(transaction, work),
        readMasters: (reads: readonly GetRequest[]) => this.batchers.get.submitGroup(reads),
      }
      return spendAndCreate(this.context, transaction, requests, steps, confirmSpends)
    })
  }

  /**
   * Undoes spends, in batches. Only a slot that holds exactly the given spending data is cleared: a spend by
   * another transaction is never touched, and repeating is harmless. Throws after all were tried.
   *
   * `markAsLocked` locks the transactions that have the outputs first, so that nobody takes what becomes free;
   * they stay locked until `setLocked(txids, false)`.
   */
  async unspend(
    spends: readonly UnspendInput[],
    options: CallOptions & { readonly markAsLocked?: boolean | undefined } = {},
  ): Promise<void> {
    return this.call({ name: 'unspend', items: lengthOf(spends), rounds: 8 }, options, signal => {
      if (!Array.isArray(spends)) throw new InvalidArgumentError('spends', 'an array', spends)
      const { markAsLocked = false } = options
      checkBoolean('markAsLocked', markAsLocked)
      return unspend(this.context, prepareUnspends(spends), markAsLocked, signal)
    })
  }

  /**
   * What would become of a spend of an output at `blockHeight` (the tip where absent), and who spends it. A
   * missing transaction or output is the status `NOT_FOUND`. Throws `PROCESSING` where the output has another
   * hash than the one given, and `STORAGE_ERROR` for a damaged record.
   */
  async getSpend(
    output: OutputInput,
    options: CallOptions & { readonly blockHeight?: number | undefined } = {},
  ): Promise<SpendState> {
    return this.call({ name: 'getSpend' }, options, signal => {
      const { blockHeight = this.context.blockState.current.height } = options
      checkHeight('blockHeight', blockHeight)
      return getSpend(this.context, checkOutput('output', output), blockHeight, signal)
    })
  }
}

const NO_FLAGS: SpendFlags = {
  ignoreConflicting: false,
  ignoreLocked: false,
  ignorePolicyFreeze: false,
  ignoreConsensusFreeze: false,
}
const FLAGS = Object.keys(NO_FLAGS) as readonly (keyof SpendFlags)[]

function spendFlags(options: SpendOptions): SpendFlags {
  if (FLAGS.every(flag => options[flag] === undefined)) return NO_FLAGS
  const {
    ignoreConflicting = false,
    ignoreLocked = false,
    ignorePolicyFreeze = false,
    ignoreConsensusFreeze = false,
  } = options
  const flags = { ignoreConflicting, ignoreLocked, ignorePolicyFreeze, ignoreConsensusFreeze }
  for (const [flag, value] of Object.entries(flags)) checkBoolean(flag, value)
  return flags
}
