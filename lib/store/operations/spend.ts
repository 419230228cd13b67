import { type Batcher, WaitError } from '../../batching/index.ts'
import { type Transaction, txidToHex, utxoHash } from '../../bitcoin/index.ts'
import { StoreError } from '../../errors/index.ts'
import { encodeSpendingData } from '../../record/index.ts'
import { checkHeight } from '../arguments.ts'
import type { StoreContext } from '../store-context.ts'
import { aggregateCause, asStoreError } from '../store-errors.ts'
import type { SpendFlags, SpendRequest } from './spend-dispatch.ts'
import { rollBack } from './spend-rollback.ts'
import { SpenderProbe } from './spender-probe.ts'

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
  let errors: (StoreError | undefined)[]
  try {
    const outcomes = await batcher.submitGroup(requests, {
      signal,
      waitMs: context.settings.spendWaitTimeout,
    })
    errors = outcomes.map(outcome =>
      outcome.status === 'rejected' ? asStoreError(outcome.reason, 'spending an output') : undefined,
    )
  } catch (error) {
    if (error instanceof WaitError) await abandon(context, tx, error)
    throw error
  }

  if (errors.some(error => error?.code === 'TX_NOT_FOUND')) {
    errors = await forgivePrunedParents(context, tx, errors)
  }
  const spends = requests.map((request, index) => toSpend(request, errors[index]))
  const failures = errors.filter(error => error !== undefined)
  if (failures.length === 0) return spends

  const succeeded = requests.filter((_, index) => errors[index] === undefined)
  await rollBack(context, tx, succeeded, failures)
  throw new SpendError(failureText(tx, spends, failures), spends, failures)
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
  const presence = await new SpenderProbe(context).look(tx.txid)
  if (presence !== 'present') return [...errors]
  return errors.map(error => (error?.code === 'TX_NOT_FOUND' ? undefined : error))
}

/** The wait ended early: what is known to be applied is rolled back, what is still under way cannot be. */
async function abandon(
  context: StoreContext,
  tx: Transaction,
  wait: WaitError<unknown, unknown>,
): Promise<void> {
  const published = (wait as WaitError<SpendRequest, void>).published
  const succeeded = published.filter(item => item.outcome?.status === 'fulfilled').map(item => item.request)
  const failures = published.flatMap(item =>
    item.outcome?.status === 'rejected' ? [asStoreError(item.outcome.reason, 'spend')] : [],
  )
  if (wait.unpublishedCount > 0) {
    context.logger.warn(
      { event: 'spend_abandoned', txid: txidToHex(tx.txid), unanswered: wait.unpublishedCount },
      'the wait for a spend ended before all inputs were answered; they may still be applied',
    )
  }
  await rollBack(context, tx, succeeded, failures)
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
