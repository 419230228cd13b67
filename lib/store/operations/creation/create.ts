import type { AnswerListener, Batcher } from '../../../batching/index.ts'
import type { TransactionMetadata } from '../../../record/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { uniqueTxids } from '../../txids.ts'
import { type ConflictLink, linkToParents } from '../conflicts/conflict-links.ts'
import type { CreateRequest } from './create-rows.ts'
import { type StoredPlace, storeCreation } from './store-creation.ts'
import type { WholeTransaction } from './whole-transaction.ts'

/** Stores a transaction: what has to be there before its records, then the records. */
export function create(
  context: StoreContext,
  batcher: Batcher<CreateRequest, void>,
  creation: WholeTransaction,
  end: AnswerListener<TransactionMetadata>,
  signal: AbortSignal | undefined,
): void {
  const metadata = creation.metadata()
  const created = new Created(metadata, end)
  if (metadata.conflicting !== true || metadata.isCoinbase) {
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
class Created implements AnswerListener<StoredPlace> {
  readonly #metadata: TransactionMetadata
  readonly #end: AnswerListener<TransactionMetadata>

  constructor(metadata: TransactionMetadata, end: AnswerListener<TransactionMetadata>) {
    this.#metadata = metadata
    this.#end = end
  }

  succeed({ isExternal }: StoredPlace): void {
    const metadata = this.#metadata
    this.#end.succeed(isExternal === metadata.external ? metadata : { ...metadata, external: isExternal })
  }

  fail(error: unknown): void {
    this.#end.fail(error)
  }
}
