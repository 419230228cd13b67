import type { AnswerListener, Batcher } from '../../../batching/index.ts'
import type { TransactionMetadata } from '../../../record/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { asStoreError } from '../../store-errors.ts'
import { uniqueTxids } from '../../txids.ts'
import { type ConflictLink, linkToParents } from '../conflicts/conflict-links.ts'
import type { Creation } from './creation.ts'
import { storeCreation } from './store-creation.ts'
import type { WholeTransaction } from './whole-transaction.ts'

/** Stores a transaction: what has to be there before its records, then the records. */
export function create(
  context: StoreContext,
  batcher: Batcher<Creation, void>,
  creation: WholeTransaction,
  end: AnswerListener<TransactionMetadata>,
  signal: AbortSignal | undefined,
): void {
  const created = new Created(creation, end)
  if (!creation.needsParentLinks) {
    storeCreation(context, batcher, creation, created, signal)
    return
  }
  linkToParents(context, linksOf(creation), signal)
    .then(() => storeCreation(context, batcher, creation, created, signal))
    .catch((error: unknown) => end.fail(error))
}

/** Parents whose lists a conflicting transaction has to be in before its records are written. */
function linksOf({ txid, inputs }: WholeTransaction): ConflictLink[] {
  const parents = uniqueTxids(inputs.map(({ previousTxid }) => previousTxid))
  return parents.map(parentTxid => ({ parentTxid, childTxid: txid }))
}

/** Takes the news that the records are there, for a caller who wants to know what is in them. */
class Created implements AnswerListener<void> {
  readonly #creation: WholeTransaction
  readonly #end: AnswerListener<TransactionMetadata>

  constructor(creation: WholeTransaction, end: AnswerListener<TransactionMetadata>) {
    this.#creation = creation
    this.#end = end
  }

  succeed(): void {
    let metadata: TransactionMetadata
    try {
      metadata = this.#creation.metadata()
    } catch (error) {
      // Of a transaction that its caller has changed meanwhile.
      this.#end.fail(asStoreError(error, 'the transaction is stored; what it holds cannot be told'))
      return
    }
    this.#end.succeed(metadata)
  }

  fail(error: unknown): void {
    this.#end.fail(error)
  }
}
