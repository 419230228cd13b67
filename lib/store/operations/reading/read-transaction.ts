import type { AnswerListener, Batcher } from '../../../batching/index.ts'
import type { Field, TransactionMetadata } from '../../../record/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { completeRecord } from './complete-record.ts'
import type { GetRequest } from './get.ts'

/** Reads a transaction: its master in a batch with those of other callers, then what that does not hold itself. */
export function readTransaction(
  context: StoreContext,
  batcher: Batcher<GetRequest, TransactionMetadata>,
  { txid, fields }: GetRequest,
  end: AnswerListener<TransactionMetadata>,
  signal: AbortSignal | undefined,
): void {
  const read = new MasterRead(context, txid, fields, end, signal)
  batcher.submitTo(read, read, { signal })
}

/** The request for a master, and who takes its answer: one object, for a hundred thousand are made a second. */
class MasterRead implements GetRequest, AnswerListener<TransactionMetadata> {
  readonly txid: Uint8Array
  readonly fields: readonly Field[]
  readonly #context: StoreContext
  readonly #end: AnswerListener<TransactionMetadata>
  readonly #signal: AbortSignal | undefined

  constructor(
    context: StoreContext,
    txid: Uint8Array,
    fields: readonly Field[],
    end: AnswerListener<TransactionMetadata>,
    signal: AbortSignal | undefined,
  ) {
    this.txid = txid
    this.fields = fields
    this.#context = context
    this.#end = end
    this.#signal = signal
  }

  succeed(metadata: TransactionMetadata): void {
    const complete = completeRecord(this.#context, this.txid, metadata, this.fields, this.#signal)
    if (!(complete instanceof Promise)) this.#end.succeed(complete)
    else
      complete.then(
        result => this.#end.succeed(result),
        error => this.#end.fail(error),
      )
  }

  fail(error: unknown): void {
    this.#end.fail(error)
  }
}
