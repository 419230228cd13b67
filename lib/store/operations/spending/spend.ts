import { type Batcher, type Outcome, WaitError } from '../../../batching/index.ts'
import { type Transaction, txidToHex, utxoHash } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { encodeSpendingData } from '../../../record/index.ts'
import { checkHeight } from '../../arguments.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { aggregateCause, asStoreError, RecordNotFoundError } from '../../store-errors.ts'
import type { SpendFlags, SpendRequest } from './record-groups.ts'
import { rollBack } from './spend-rollback.ts'
import { lookUpSpender } from './spender-lookup.ts'

/** One input of a spend, and how it fared. */
export interface Spend {
  /** Txid (32 bytes, internal order) and index of the output that is spent. */
  readonly txid: Uint8Array
  readonly vout: number
  readonly utxoHash: Uint8Array
  /** 36 bytes: the spending transaction's txid and its input index as uint32 little-endian. */
  readonly spendingData: Uint8Array
  readonly error: StoreError | undefined
}

/** Some inputs could not be spent. `spends` has every input in order; `cause` holds the first ten errors. */
export class SpendError extends StoreError {
  override readonly name = 'SpendError'
  readonly spends: readonly Spend[]

  constructor(message: string, spends: readonly Spend[], errors: readonly StoreError[]) {
    super('UTXO_ERROR', message, { cause: aggregateCause(errors) })
    this.spends = spends
  }
}

/** One request for each input; throws before anything is queued (semantics 3.5, preparation). */
export function prepareSpends(tx: Transaction, blockHeight: number, flags: SpendFlags): SpendRequest[] {
  checkHeight('blockHeight', blockHeight, { minimum: 1 })
  if (tx.isCoinbase) return []
  return tx.inputs.map((input, vin) => {
    if (input.previousLockingScript === undefined || input.previousSatoshis === undefined) {
      throw new StoreError(
        'PROCESSING',
        `input ${vin} of ${txidToHex(tx.txid)} does not carry the output it spends; call previousOutputsDecorate first`,
      )
    }
    return {
      txid: input.previousTxid,
      vout: input.previousVout,
      utxoHash: utxoHash(
        input.previousTxid,
        input.previousVout,
        input.previousLockingScript,
        input.previousSatoshis,
      ),
      spendingData: encodeSpendingData({ txid: tx.txid, vin }),
      blockHeight,
      flags,
    }
  })
}

/**
 * Spends all inputs of a transaction or none: where one fails, those that succeeded are rolled back, unless
 * the transaction has a record or a concurrent attempt may own them (semantics 3.5).
 */
export async function spend(
  context: StoreContext,
  batcher: Batcher<SpendRequest, void>,
  tx: Transaction,
  requests: readonly SpendRequest[],
  signal: AbortSignal | undefined,
): Promise<Spend[]> {
  let outcomes: readonly Outcome<void>[]
  const admitted = admit(context, requests)
  try {
    outcomes = await batcher.submitGroup(admitted, {
      signal,
      waitMs: context.settings.spendWaitTimeout,
    })
  } catch (error) {
    if (error instanceof WaitError) await abandon(context, tx, error)
    throw error
  } finally {
    for (const { admission } of admitted) if (admission !== undefined) context.spendBreaker.release(admission)
  }

  if (outcomes.length === requests.length && outcomes.every(isFulfilled)) {
    context.acknowledgedSpends.add(tx.txid)
    return requests.map(request => toSpend(request, undefined))
  }
  let errors = errorsInOrder(requests, outcomes)
  if (errors.some(isParentGone)) errors = await forgivePrunedParents(context, tx, errors)
  const spends = requests.map((request, index) => toSpend(request, errors[index]))
  const failures = errors.filter(error => error !== undefined)
  if (failures.length === 0) {
    context.acknowledgedSpends.add(tx.txid)
    return spends
  }

  const applied = requests.filter(
    ({ admission }, index) => admission !== undefined && mayBeApplied(errors[index]),
  )
  await rollBack(context, tx, applied, failures)
  throw new SpendError(failureText(tx, spends, failures), spends, failures)
}

function isFulfilled({ status }: Outcome<void>): boolean {
  return status === 'fulfilled'
}

/** The requests that the circuit breaker lets through; the others are never queued, and cost no call (lesson 81). */
function admit(context: StoreContext, requests: readonly SpendRequest[]): readonly SpendRequest[] {
  let refused = 0
  for (const request of requests) {
    request.admission = context.spendBreaker.admit()
    if (request.admission === undefined) refused += 1
  }
  if (refused === 0) return requests
  context.metrics.breakerRefusals.increment({}, refused)
  return requests.filter(({ admission }) => admission !== undefined)
}

/** How each request fared, from the outcomes of those that were sent. */
function errorsInOrder(
  requests: readonly SpendRequest[],
  outcomes: readonly Outcome<void>[],
): (StoreError | undefined)[] {
  let next = 0
  return requests.map(({ admission, txid, vout }) => {
    if (admission === undefined) {
      return new StoreError(
        'SERVICE_UNAVAILABLE',
        `output ${txidToHex(txid)}:${vout} was not sent: spending is paused after repeated failures of the server`,
      )
    }
    const outcome = outcomes[next++]
    return outcome?.status === 'rejected' ? asStoreError(outcome.reason, 'spending') : undefined
  })
}

/** Only a record that is gone as a whole; an output that its record does not have never was. */
function isParentGone(error: StoreError | undefined): boolean {
  return error instanceof RecordNotFoundError
}

/**
 * A parent that is gone was pruned after the spending transaction had been accepted, if that has a record:
 * then its input is spent already, and the missing parent is no error.
 */
async function forgivePrunedParents(
  context: StoreContext,
  tx: Transaction,
  errors: readonly (StoreError | undefined)[],
): Promise<(StoreError | undefined)[]> {
  const presence = await lookUpSpender(context, tx.txid)
  return errors.map(error => (presence === 'present' && isParentGone(error) ? undefined : error))
}

/**
 * Whether an input holds its output now, for all we know. A verdict says no; without one (a timeout in doubt,
 * a missing answer, a failed batch) it may have been applied. Undoing proves ownership, so trying is safe.
 */
function mayBeApplied(error: StoreError | undefined): boolean {
  return error === undefined || !/^(UTXO|TX)_/.test(error.code)
}

/** The wait ended early: what is known to be answered is rolled back; what is still under way cannot be. */
async function abandon(
  context: StoreContext,
  tx: Transaction,
  wait: WaitError<unknown, unknown>,
): Promise<void> {
  const answered = (wait as WaitError<SpendRequest, void>).published.map(({ request, outcome }) => ({
    request,
    error: outcome?.status === 'rejected' ? asStoreError(outcome.reason, 'spending') : undefined,
  }))
  if (wait.unpublishedCount > 0) {
    context.logger.warn(
      { event: 'spend_abandoned', txid: txidToHex(tx.txid), unanswered: wait.unpublishedCount },
      'the wait for a spend ended before all inputs were answered; they may still be applied',
    )
  }
  const applied = answered.filter(({ error }) => mayBeApplied(error)).map(({ request }) => request)
  await rollBack(
    context,
    tx,
    applied,
    answered.flatMap(({ error }) => error ?? []),
  )
}

function toSpend(
  { txid, vout, utxoHash: hash, spendingData }: SpendRequest,
  error: StoreError | undefined,
): Spend {
  return { txid, vout, utxoHash: hash, spendingData, error }
}

function failureText(tx: Transaction, spends: readonly Spend[], failures: readonly StoreError[]): string {
  const first = spends.findIndex(({ error }) => error !== undefined)
  return `${failures.length} of ${spends.length} inputs of ${txidToHex(tx.txid)} could not be spent; input ${first}: ${failures[0]?.message}`
}
