import { type AnswerListener, type Batcher, type GroupListener, WaitError } from '../../../batching/index.ts'
import { type Transaction, type TransactionInput, txidToHex, utxoHash } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { encodeSpendingData } from '../../../record/index.ts'
import { checkHeight } from '../../arguments.ts'
import type { Admission } from '../../context/circuit-breaker.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { aggregateCause, asStoreError, isInDoubt, RecordNotFoundError } from '../../store-errors.ts'
import type { SpendAnswer, SpendFlags, SpendItem, SpendRequest } from './record-groups.ts'
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
    return new InputSpend(tx, vin, input as SpendableInput, blockHeight, flags)
  })
}

/** An input that carries what it spends. */
type SpendableInput = TransactionInput & {
  readonly previousSatoshis: bigint
  readonly previousLockingScript: Uint8Array
}

/** Its hash and its spending data are made when it is sent: thousands wait for that at a time. */
class InputSpend implements SpendRequest {
  readonly blockHeight: number
  readonly flags: SpendFlags
  admission: Admission | undefined = undefined
  readonly #tx: Transaction
  readonly #vin: number
  readonly #input: SpendableInput
  #utxoHash: Uint8Array | undefined
  #spendingData: Uint8Array | undefined

  constructor(tx: Transaction, vin: number, input: SpendableInput, blockHeight: number, flags: SpendFlags) {
    this.#tx = tx
    this.#vin = vin
    this.#input = input
    this.blockHeight = blockHeight
    this.flags = flags
  }

  get txid(): Uint8Array {
    return this.#input.previousTxid
  }

  get vout(): number {
    return this.#input.previousVout
  }

  get utxoHash(): Uint8Array {
    const { previousTxid, previousVout, previousLockingScript, previousSatoshis } = this.#input
    this.#utxoHash ??= utxoHash(previousTxid, previousVout, previousLockingScript, previousSatoshis)
    return this.#utxoHash
  }

  get spendingData(): Uint8Array {
    this.#spendingData ??= encodeSpendingData({ txid: this.#tx.txid, vin: this.#vin })
    return this.#spendingData
  }
}

/**
 * Spends all inputs of a transaction or none: where one fails, those that succeeded are rolled back, unless
 * the transaction has a record or a concurrent attempt may own them (semantics 3.5).
 */
export function spend(
  context: StoreContext,
  batcher: Batcher<SpendRequest, SpendAnswer>,
  tx: Transaction,
  requests: readonly SpendRequest[],
  end: AnswerListener<Spend[]>,
  signal: AbortSignal | undefined,
): void {
  const admitted = admit(context, requests)
  const waitMs = context.settings.spendWaitTimeout
  batcher.submitGroupTo(new SpendAttempt(context, tx, requests, admitted, end), admitted, { signal, waitMs })
}

/** Takes the outcomes of one transaction's inputs. */
class SpendAttempt implements GroupListener<SpendRequest, SpendAnswer> {
  readonly #context: StoreContext
  readonly #tx: Transaction
  readonly #requests: readonly SpendRequest[]
  /** Those that were sent. */
  readonly #admitted: readonly SpendRequest[]
  readonly #end: AnswerListener<Spend[]>

  constructor(
    context: StoreContext,
    tx: Transaction,
    requests: readonly SpendRequest[],
    admitted: readonly SpendRequest[],
    end: AnswerListener<Spend[]>,
  ) {
    this.#context = context
    this.#tx = tx
    this.#requests = requests
    this.#admitted = admitted
    this.#end = end
  }

  complete(items: readonly SpendItem[]): void {
    let spends: Spend[] | Promise<Spend[]>
    try {
      this.#releaseAdmissions()
      spends = this.#conclude(items)
    } catch (error) {
      this.#end.fail(error)
      return
    }
    if (spends instanceof Promise) this.#endWith(spends)
    else this.#end.succeed(spends)
  }

  fail(error: unknown): void {
    this.#endWith(this.#giveUp(error))
  }

  #conclude(items: readonly SpendItem[]): Spend[] | Promise<Spend[]> {
    const requests = this.#requests
    if (items.length < requests.length || !items.every(isSpent))
      return concludeInPart(this.#context, this.#tx, requests, items)
    this.#context.acknowledgedSpends.add(this.#tx.txid)
    return requests.map(request => toSpend(request, undefined))
  }

  async #giveUp(error: unknown): Promise<never> {
    this.#releaseAdmissions()
    if (error instanceof WaitError) await abandon(this.#context, this.#tx, error)
    throw error
  }

  #releaseAdmissions(): void {
    for (const { admission } of this.#admitted)
      if (admission !== undefined) this.#context.spendBreaker.release(admission)
  }

  #endWith(spends: Promise<Spend[]>): void {
    spends.then(
      result => this.#end.succeed(result),
      error => this.#end.fail(error),
    )
  }
}

function isSpent({ outcome }: SpendItem): boolean {
  return outcome?.status === 'fulfilled'
}

/** At least one input has failed, or was not sent. */
async function concludeInPart(
  context: StoreContext,
  tx: Transaction,
  requests: readonly SpendRequest[],
  items: readonly SpendItem[],
): Promise<Spend[]> {
  let errors = errorsInOrder(requests, items)
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
  await rollBack(context, tx, { spends: applied, written: writtenOf(items) }, failures)
  throw new SpendError(failureText(tx, spends, failures), spends, failures)
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
  items: readonly SpendItem[],
): (StoreError | undefined)[] {
  let next = 0
  return requests.map(({ admission, txid, vout }) => {
    if (admission === undefined) {
      return new StoreError(
        'SERVICE_UNAVAILABLE',
        `output ${txidToHex(txid)}:${vout} was not sent: spending is paused after repeated failures of the server`,
      )
    }
    const outcome = items[next++]?.outcome
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
 * Whether an input holds its output now, for all we know. A verdict says no, unless it leaves open what an earlier attempt
 * has done; without one (a timeout in doubt, a missing answer, a failed batch) it may have been applied. Undoing proves ownership, so trying is safe.
 */
function mayBeApplied(error: StoreError | undefined): boolean {
  return error === undefined || isInDoubt(error) || !/^(UTXO|TX)_/.test(error.code)
}

function writtenOf(items: readonly SpendItem[]): ReadonlySet<SpendRequest> {
  const written = items.filter(({ outcome }) => outcome?.status === 'fulfilled' && outcome.value === 'wrote')
  return new Set(written.map(({ request }) => request))
}

/** The wait ended early: what is known to be answered is rolled back; what is still under way cannot be. */
async function abandon(
  context: StoreContext,
  tx: Transaction,
  wait: WaitError<unknown, unknown>,
): Promise<void> {
  const { published } = wait as WaitError<SpendRequest, SpendAnswer>
  const answered = published.map(({ request, outcome }) => ({
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
    { spends: applied, written: writtenOf(published) },
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
