import { type Transaction, txidToHex } from '../../../bitcoin/index.ts'
import { InvalidArgumentError, StoreError } from '../../../errors/index.ts'
import type { TransactionMetadata } from '../../../record/index.ts'
import { checkBoolean } from '../../arguments.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { handleNow } from '../../dispatch/handle-now.ts'
import { asStoreError, isInDoubt, throwFailures } from '../../store-errors.ts'
import { retried } from '../conflicts/retried.ts'
import { setConflicting } from '../conflicts/set-conflicting.ts'
import { anotherAttempt } from '../spending/record-groups.ts'
import { rollbackBudget } from '../spending/rollback-budget.ts'
import { type Spend, SpendError } from '../spending/spend.ts'
import { type SpendRequest, spendHandler } from '../spending/spend-dispatch.ts'
import { undoSpends } from '../spending/spend-undo.ts'
import { unspendUnchanged } from '../spending/unspend-unchanged.ts'
import { confirmSpends, type ReadMasters } from './spend-confirmation.ts'

export interface SpendAndCreateOptions {
  /** Only creates; nothing is spent. */
  readonly createOnly?: boolean | undefined
  /** Only spends; nothing is created. */
  readonly spendOnly?: boolean | undefined
  /**
   * Looks after the create whether the inputs are still held; true where absent. Without it another process that
   * spends for the same transaction at the same moment, and fails, may free them unnoticed.
   */
  readonly confirmSpends?: boolean | undefined
}

export interface SpentAndCreated {
  /** One entry for each input, in order; none with `createOnly`. */
  readonly spends: readonly Spend[]
  /** What `create` answers; undefined with `spendOnly`. */
  readonly metadata: TransactionMetadata | undefined
}

/** What the store does for this operation as it does it for its own calls. */
export interface SpendAndCreateSteps {
  spend(): Promise<Spend[]>
  create(): Promise<TransactionMetadata>
  /** Whether the create that has failed may have left the record, or may do so yet. */
  mayExist(): boolean
  /** Runs work while no other spend of this transaction runs in this store. */
  inTurn<Result>(work: () => Promise<Result>): Promise<Result>
  readMasters: ReadMasters
}

export function checkSpendAndCreate({
  createOnly = false,
  spendOnly = false,
  confirmSpends = true,
}: SpendAndCreateOptions): Required<{ [Name in keyof SpendAndCreateOptions]: boolean }> {
  for (const [name, value] of Object.entries({ createOnly, spendOnly, confirmSpends }))
    checkBoolean(name, value)
  if (createOnly && spendOnly) throw new InvalidArgumentError('spendOnly', 'false with createOnly', spendOnly)
  return { createOnly, spendOnly, confirmSpends }
}

/**
 * Spends a transaction's inputs, creates its record, and looks whether it still holds the inputs. A create that
 * failed and leaves no record has the spends undone, unless the record turns out to be there; after `TX_EXISTS`,
 * `TX_CREATING`, and where the record may be there or come yet, they stay.
 */
export async function spendAndCreate(
  context: StoreContext,
  tx: Transaction,
  requests: readonly SpendRequest[],
  steps: SpendAndCreateSteps,
  confirm: boolean,
): Promise<SpentAndCreated> {
  const spends = await steps.spend()
  let metadata: TransactionMetadata | undefined
  let existed: StoreError | undefined
  try {
    metadata = await steps.create()
  } catch (error) {
    const failure = asStoreError(error, 'creating')
    // Whoever creates the same transaction at this moment holds the same inputs.
    if (failure.code === 'TX_CREATING') throw failure
    if (failure.code !== 'TX_EXISTS') {
      if (steps.mayExist()) leave(context, tx, requests, failure)
      else await undo(context, tx, requests, steps)
      throw failure
    }
    existed = failure
  }
  try {
    if (confirm && metadata?.conflicting !== true)
      await confirmOrGiveUp(context, tx, requests, steps, existed)
  } catch (error) {
    // Another call is creating it, and looks at the inputs itself when it has done so.
    const isUnfinished = existed !== undefined && asStoreError(error, 'confirming').code === 'TX_NOT_FOUND'
    if (!isUnfinished) throw error
  }
  if (existed !== undefined) throw existed
  return { spends, metadata }
}

/**
 * The record may be there, or come yet. Whoever undid its spends now would let another transaction have the same
 * outputs. The same call again settles it, either way.
 */
function leave(
  context: StoreContext,
  tx: Transaction,
  requests: readonly SpendRequest[],
  failure: StoreError,
): void {
  if (requests.length === 0) return
  context.metrics.rollbacks.increment({ outcome: 'indeterminate' })
  context.logger.error(
    {
      event: 'spend_rollback',
      outcome: 'indeterminate',
      txid: txidToHex(tx.txid),
      spends: requests.length,
      err: failure,
    },
    'a create ended without a verdict after its spend; repeat the call',
  )
}

/** Apart from the caller's signal, within the budget of a rollback. Never throws: the create's error is the answer. */
async function undo(
  context: StoreContext,
  tx: Transaction,
  requests: readonly SpendRequest[],
  steps: SpendAndCreateSteps,
): Promise<void> {
  if (requests.length === 0) return
  const txid = txidToHex(tx.txid)
  try {
    const outcome = await steps.inTurn(() => {
      context.acknowledgedSpends.forget(tx.txid)
      const budget = rollbackBudget(context)
      return undoSpends(context, tx.txid, requests, budget)
    })
    context.metrics.rollbacks.increment({ outcome })
    context.logger[outcome === 'indeterminate' ? 'error' : 'info'](
      { event: 'spend_rollback', outcome, txid, spends: requests.length },
      'a create failed after its spend',
    )
  } catch (error) {
    context.logger.error(
      { event: 'spend_rollback_failed', txid, err: error },
      'the spends of a transaction that was not created could not be undone',
    )
  }
}

/** Others may free inputs, or mark the transaction, while it looks; so often it looks again. */
const LOOKS_MAX = 8

/**
 * Takes lost inputs again where they are free. Where one is gone for good the transaction has lost, although it
 * has a record: it is marked as conflicting and gives up its other inputs. That is for its creator to do: a
 * record that `existed` is left as it is, and so is one that is marked already, for whoever marks a transaction
 * frees its inputs, and may be giving them back to it at this moment. What was taken again behind its back is left as
 * well: to free it could take it from a transaction that is not marked any more. Who makes another win over it frees it.
 */
async function confirmOrGiveUp(
  context: StoreContext,
  tx: Transaction,
  requests: readonly SpendRequest[],
  steps: SpendAndCreateSteps,
  existed: StoreError | undefined,
): Promise<void> {
  for (let look = 1; look <= LOOKS_MAX; look++) {
    const { isConflicting, inputs } = await confirmSpends(context, tx.txid, requests, steps.readMasters)
    if (isConflicting) {
      if (existed !== undefined) throw existed
      throw lostError(
        tx,
        requests,
        requests.map(() => conflictingError(tx.txid)),
      )
    }
    if (inputs.every(state => state === 'held')) return
    const errors = await steps.inTurn(() => takeAgain(context, tx, requests, inputs))
    const failures = errors.filter(error => error !== undefined)
    // Whoever marks a transaction frees its inputs after that: only a look after the taking tells.
    if (failures.length === 0) continue
    // Without a verdict nothing is decided: the same call again tells.
    const undecided = failures.find(({ code }) => !/^(UTXO|TX)_/.test(code))
    if (undecided !== undefined) throw undecided
    // Where its mark is gone again, it may have won meanwhile.
    if (existed === undefined && !(await giveUp(context, tx, requests, steps.readMasters))) continue
    throw lostError(tx, requests, errors)
  }
  throw new StoreError(
    'SERVICE_UNAVAILABLE',
    `transaction ${txidToHex(tx.txid)} lost inputs as often as it took them again; repeat the call`,
  )
}

function lostError(
  tx: Transaction,
  requests: readonly SpendRequest[],
  errors: readonly (StoreError | undefined)[],
): SpendError {
  const spends = requests.map(({ txid, vout, utxoHash, spendingData }, index) => ({
    txid,
    vout,
    utxoHash,
    spendingData,
    error: errors[index],
  }))
  const failures = errors.filter(error => error !== undefined)
  return new SpendError(
    `transaction ${txidToHex(tx.txid)} lost an input while it was being created: ${failures[0]?.message}`,
    spends,
    failures,
  )
}

function conflictingError(txid: Uint8Array): StoreError {
  return new StoreError('TX_CONFLICTING', `transaction ${txidToHex(txid)} is conflicting`)
}

async function takeAgain(
  context: StoreContext,
  tx: Transaction,
  requests: readonly SpendRequest[],
  inputs: readonly ('held' | 'lost' | 'conflicting')[],
): Promise<(StoreError | undefined)[]> {
  const lost = requests.filter((_, index) => inputs[index] === 'lost')
  context.logger.warn(
    { event: 'spend_taken_again', txid: txidToHex(tx.txid), outputs: lost.length },
    'a transaction found inputs free that it had spent',
  )
  const again = lost.map(request => anotherAttempt(request))
  const outcomes = await handleNow(context, 'spend again', spendHandler(context), again)
  const failures = new Map(
    outcomes.flatMap((outcome, index) => {
      const request = lost[index]
      return outcome.status === 'rejected' && request !== undefined
        ? [[request, asStoreError(outcome.reason, 'spending')]]
        : []
    }),
  )
  return requests.map((request, index) =>
    inputs[index] === 'conflicting' ? conflictingError(request.txid) : failures.get(request),
  )
}

/**
 * Marks the transaction, and frees what it holds; tells whether it is marked after that. Conflict processing lifts marks,
 * of a winner, or where it is undone, and looks at the inputs after that: so the mark is looked at once the inputs are free.
 * What is in doubt leaves the answer open, although the transaction was given up by another attempt.
 */
async function giveUp(
  context: StoreContext,
  tx: Transaction,
  requests: readonly SpendRequest[],
  readMasters: ReadMasters,
): Promise<boolean> {
  context.acknowledgedSpends.forget(tx.txid)
  let doubt: StoreError | undefined
  const noteDoubt = (failure: unknown): void => {
    if (failure instanceof StoreError && isInDoubt(failure)) doubt = failure
  }
  await retried(() => setConflicting(context, [tx.txid], true, undefined), noteDoubt)
  await retried(() => free(context, requests), noteDoubt)
  if (doubt !== undefined) throw doubt
  return (await confirmSpends(context, tx.txid, [], readMasters)).isConflicting
}

async function free(context: StoreContext, requests: readonly SpendRequest[]): Promise<void> {
  const height = requests[0]?.blockHeight ?? 0
  const errors = await unspendUnchanged(context, requests, height, { isDecided: true })
  throwFailures(
    errors
      .filter(error => error !== undefined && error.code !== 'TX_NOT_FOUND')
      .flatMap(error => error ?? []),
    requests.length,
    'outputs could not be unspent',
  )
}
